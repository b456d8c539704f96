"""Keys: 1 another hum, 2 hand over, 3 pause, 9 end. menu_bot.py [PORT [QUEUE]]; docs/bots.md."""

import socket
import sys

import numpy as np
from aiohttp import web


async def talk(request: web.Request) -> web.WebSocketResponse:
    bot, rate_hz, paused = web.WebSocketResponse(compress=False), 8000, False
    await bot.prepare(request)
    async for message in bot:
        said = message.json() if message.type == web.WSMsgType.TEXT else {}
        key = said.get("digit")
        if said.get("type") == "start":
            rate_hz = said["rate_hz"]
            await bot.send_json({"type": "ready"})
        if said.get("type") == "start" or key == "1":
            hz = 1300 if key else 1000
            hum = 8000 * np.sin(2 * np.pi * hz * np.arange(20 * rate_hz) / rate_hz)
            await bot.send_json({"type": "clear"})  # what the caller has not heard yet
            await bot.send_bytes(hum.astype("<i2").tobytes())
            await bot.send_json({"type": "mark", "name": str(hz)})
        elif key == "2":
            queue = sys.argv[2] if len(sys.argv) > 2 else "sales"
            await bot.send_json({"type": "handover", "queue": queue, "context": {"menu": "2"}})
        elif key == "3":
            await bot.send_json({"type": "pause" if (paused := not paused) else "resume"})
        elif key == "9":
            await bot.send_json({"type": "hangup"})
    return bot


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int((sys.argv[1:] or ["8766"])[0])))
    print(f"ws://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    application = web.Application()
    application.router.add_get("/", talk)
    web.run_app(application, sock=listener, print=None)

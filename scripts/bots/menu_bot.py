"""A bot with a menu of keys: python scripts/bots/menu_bot.py [PORT [QUEUE]]. See docs/bots.md.

It hums 1000 Hz until a key is pressed. 1: hums 1300 Hz. 2: hands over to QUEUE. 3: pauses, or goes
on. 9: hangs up.
"""

import asyncio
import json
import math
import struct
import sys
from typing import Any

from aiohttp import web

QUEUE = sys.argv[2] if len(sys.argv) > 2 else "sales"


def hum(hz: int, seconds: float, rate_hz: int) -> bytes:
    """A tone as int16 little endian: a tenth of a second, again and again."""
    step, count = 2 * math.pi * hz / rate_hz, rate_hz // 10
    tenth = struct.pack(f"<{count}h", *(int(8000 * math.sin(step * n)) for n in range(count)))
    return tenth * int(10 * seconds)


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Serve one stream."""
    socket, rate_hz, paused = web.WebSocketResponse(compress=False), 8000, False
    await socket.prepare(request)

    async def say(hz: int) -> None:
        await socket.send_json({"type": "clear"})  # what the caller has not heard yet
        await socket.send_bytes(hum(hz, 20.0, rate_hz))
        await socket.send_json({"type": "mark", "name": str(hz)})

    async for message in socket:
        said: dict[str, Any] = json.loads(message.data) if isinstance(message.data, str) else {}
        match said.get("type"), said.get("digit"):
            case "start", _:
                rate_hz = said["rate_hz"]
                await socket.send_json({"type": "ready"})
                await say(1000)
            case "dtmf", "1":
                await say(1300)
            case "dtmf", "2":
                context = {"menu": "2"}
                await socket.send_json({"type": "handover", "queue": QUEUE, "context": context})
            case "dtmf", "3":
                paused = not paused
                await socket.send_json({"type": "pause" if paused else "resume"})
            case "dtmf", "9":
                await socket.send_json({"type": "hangup"})
    return socket


async def serve(port: int) -> None:
    """Listen on the loopback address until the process is ended. Port 0: any that is free."""
    application = web.Application()
    application.router.add_get("/", talk)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"ws://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8766))

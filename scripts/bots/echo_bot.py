"""A bot that says what it hears: python scripts/bots/echo_bot.py [PORT]. See docs/bots.md."""

import socket
import sys

from aiohttp import WSMsgType, web


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Serve one stream."""
    bot = web.WebSocketResponse(compress=False)
    await bot.prepare(request)
    async for message in bot:
        if message.type == WSMsgType.BINARY:
            await bot.send_bytes(message.data)
            continue
        said = message.json()
        if said["type"] == "start":
            await bot.send_json({"type": "ready"})
        elif said["type"] == "dtmf" and said["digit"] == "#":
            await bot.send_json({"type": "hangup", "reason": "the caller pressed #"})
        elif said["type"] == "stop":
            break
    await bot.close()
    return bot


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int((sys.argv[1:] or ["8765"])[0])))
    print(f"ws://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    application = web.Application()
    application.router.add_get("/", talk)
    web.run_app(application, sock=listener, print=None)

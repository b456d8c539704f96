"""A bot that says what it hears: python scripts/bots/echo_bot.py [PORT]. See docs/bots.md."""

import asyncio
import json
import sys

from aiohttp import WSMsgType, web


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Serve one stream."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
            continue
        said = json.loads(message.data)
        if said["type"] == "start":
            await socket.send_json({"type": "ready"})
        elif said["type"] == "dtmf" and said["digit"] == "#":
            await socket.send_json({"type": "hangup", "reason": "the caller pressed #"})
        elif said["type"] == "stop":
            break
    await socket.close()
    return socket


async def serve(port: int) -> None:
    """Listen on the loopback address until the process is ended. Port 0: any that is free."""
    application = web.Application()
    application.router.add_get("/", talk)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f"ws://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8765))

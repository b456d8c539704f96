"""A reverse proxy that has the gateway below a path of its own, as a shop with one name has it."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web

_OF_CONNECTION = {"host", "connection", "upgrade", "content-length", "transfer-encoding"}


async def prefix_proxy(stack: AsyncExitStack, prefix: str, target: str) -> str:
    """The URL of the proxy, without the prefix, until the stack is closed.

    Below `prefix` is the server at `target`. Everything else is the page of somebody else.
    """
    # What is compressed stays so.
    session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))

    async def forward(request: web.Request) -> web.StreamResponse:
        url = target + request.raw_path.removeprefix(prefix)
        sent = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _OF_CONNECTION and not name.lower().startswith("sec-websocket")
        }
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _web_socket(request, session, url, sent)
        body = await request.read()
        async with session.request(
            request.method, url, headers=sent, data=body, allow_redirects=False
        ) as reply:
            told = {
                name: value
                for name, value in reply.headers.items()
                if name.lower() not in _OF_CONNECTION
            }
            response = web.StreamResponse(status=reply.status, headers=told)
            await response.prepare(request)
            async for part in reply.content.iter_any():
                await response.write(part)
        return response

    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(text="the shop", status=404)

    app = web.Application()
    app.router.add_route("*", prefix + "/{path:.*}", forward)
    app.router.add_route("*", "/{path:.*}", elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _web_socket(
    request: web.Request, session: aiohttp.ClientSession, url: str, headers: dict[str, str]
) -> web.StreamResponse:
    here = web.WebSocketResponse()
    await here.prepare(request)
    async with session.ws_connect(url, headers=headers) as there:

        async def back() -> None:
            async for message in there:
                await here.send_str(message.data)
            await here.close()

        returning = asyncio.create_task(back())
        try:
            async for message in here:
                await there.send_str(message.data)
        finally:
            returning.cancel()
    return here

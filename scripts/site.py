"""`make site`: demo pages with the button, and behind them an engine, the gateway and softphones.

Open the page that it names, press the button, and type the number that it names: the agent's
softphone answers, then the customer's. "Speak now" needs no number. Who signs in at the phone that
it names is called before the agent's softphone. Ctrl-C ends everything.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from aiohttp import web
from rich.console import Console
from rich.markup import escape

from .child_process import stop
from .demo_stage import READY_S, ROOT, STOP_S, Phone, StageError, free_port

NUMBER = "020 7946 0000"
TOKEN = "anna-signs-in-with-this"
KEY = "demo-site"
HOST = "127.0.0.1"
PAGE_PORT, GATEWAY_PORT = 8000, 8080
CONFIGURATION = """
[control]
socket = "{directory}/control.sock"
default_role = "administer"
[store]
path = "{directory}/ringback.db"
[sip]
listen = ["udp:127.0.0.1:{sip_port}", "ws:127.0.0.1:{websocket_port}"]
[whisper]
default = "A visitor of {{context.site}} asks to be called"
cache_dir = "{directory}/speech"
[media]
recordings = "{directory}/recordings"
[log]
level = "warning"
[do_not_call]
key = "*9"
key_announcement = "You asked for this call on a web page. If you did not, press star nine."
[[trunks]]
name = "customer"
uri = "{customer}"
[[routes]]
prefix = "+"
trunks = ["customer"]
[[agents]]
name = "alice"
uri = "{agent}"
queues = ["sales"]
wrap_up_s = 2.0
[[agents]]
name = "anna"
uri = "webrtc:anna"
queues = ["sales"]
wrap_up_s = 2.0
[[rights]]
name = "anna"
token = "{token}"
agent = "anna"
[[queues]]
name = "sales"
strategy = "ordered"
agents = ["anna", "alice"]
[web]
listen = "127.0.0.1:{gateway_port}"
secret_file = "{directory}/web.secret"
phone_server = "ws://127.0.0.1:{websocket_port}"
[[sites]]
key = "demo-site"
name = "demo.example"
origins = ["http://127.0.0.1:{page_port}", "http://localhost:{page_port}"]
queue = "sales"
speak = true
[sites.consent]
en = "I agree to be called back at this number."
de = "Ich bin mit einem Rückruf unter dieser Nummer einverstanden."
fr = "J’accepte d’être rappelé à ce numéro."
es = "Acepto que me llamen a este número."
it = "Accetto di essere richiamato a questo numero."
pt = "Aceito que me liguem para este número."
pl = "Zgadzam się na telefon pod ten numer."
uk = "Я погоджуюся на дзвінок за цим номером."
lt = "Sutinku, kad man paskambintų šiuo numeriu."
tr = "Bu numaradan aranmayı kabul ediyorum."
ar = "أوافق على الاتصال بي على هذا الرقم."
ja = "この番号への折り返しの電話に同意します。"
"""  # noqa: RUF001
HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>A shop</title><link rel="icon" href="data:,">
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto;
padding: 0 1rem }}</style>
<main>
<h1>A shop</h1>
"""
PAGE = (
    HEAD
    + """<p>Press the button, and type the number <b>{number}</b>, or speak from the page. The
softphones answer by themselves.</p>
<p><a href="/own">A page with a field and a button of its own</a></p>
<p><a href="{gateway}/preview?site={key}">Look, texts and triggers of the button</a></p>
<p><a href="{gateway}/phone">The phone of an agent</a>: the token is <b>{token}</b></p>
</main>
<script async src="{gateway}/ringback.js" data-site="{key}"></script>
</html>
"""
)
OWN_PAGE = (
    HEAD
    + """<p>These are the page's own. Type the number <b>{number}</b>.</p>
<p><label>Your number <input id="number" type="tel" autocomplete="tel"></label>
<button id="call">Call me, I agree</button></p>
<p><a href="/">The page with the button</a></p>
</main>
<script async src="{gateway}/ringback.js" data-site="{key}" data-field="#number"
 data-button="#call"></script>
</html>
"""
)


@contextlib.asynccontextmanager
async def program(name: str, file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`ringback NAME --config FILE`, which is stopped at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringback", name, "--config", file, cwd=ROOT, env=os.environ
    )  # fmt: skip
    try:
        yield process
    finally:
        await stop(process, STOP_S)


Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def answers(host: str, port: int, processes: list[asyncio.subprocess.Process]) -> None:
    """Wait until a port answers. Raises StageError."""
    await _opens(partial(asyncio.open_connection, host, port), f"{host}:{port}", processes)


async def listens(path: Path, processes: list[asyncio.subprocess.Process]) -> None:
    """Wait until a socket answers. Raises StageError."""
    await _opens(partial(asyncio.open_unix_connection, path), str(path), processes)


async def _opens(opened: Open, where: str, processes: list[asyncio.subprocess.Process]) -> None:
    try:
        async with asyncio.timeout(READY_S):
            while True:
                if any(one.returncode is not None for one in processes):
                    raise StageError("the engine or the gateway has ended")
                with contextlib.suppress(OSError):
                    _reader, writer = await opened()
                    writer.close()
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise StageError(f"nothing answers at {where}") from None


@contextlib.asynccontextmanager
async def page_served(port: int, gateway: str) -> AsyncIterator[None]:
    """The demo pages at `port`."""
    app = web.Application()
    for path, page in (("/", PAGE), ("/own", OWN_PAGE)):
        text = page.format(number=NUMBER, gateway=gateway, key=KEY, token=TOKEN)
        app.router.add_get(path, partial(_answer, text))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def _answer(text: str, _request: web.Request) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def show(console: Console) -> None:
    """Run everything until cancelled. Raises StageError."""
    async with contextlib.AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringback-site-")))
        agent = await Phone.start("agent", tone=440, answer_after=1.0)
        stack.push_async_callback(agent.stop)
        customer = await Phone.start("customer", tone=660, answer_after=2.0)
        stack.push_async_callback(customer.stop)
        ports = {
            "sip_port": free_port(HOST, 0),
            "websocket_port": free_port(HOST, 0),
            "gateway_port": free_port(HOST, GATEWAY_PORT),
            "page_port": free_port(HOST, PAGE_PORT),
        }
        file = directory / "ringback.toml"
        trunk = customer.uri.replace("customer@", "")
        file.write_text(
            CONFIGURATION.format(
                directory=directory, agent=agent.uri, customer=trunk, token=TOKEN, **ports
            )
        )
        programs = [await stack.enter_async_context(program("run", file))]
        await listens(directory / "control.sock", programs)
        programs.append(await stack.enter_async_context(program("web", file)))
        await answers(HOST, ports["gateway_port"], programs)
        gateway = f"http://{HOST}:{ports['gateway_port']}"
        await stack.enter_async_context(page_served(ports["page_port"], gateway))
        shop = f"http://{HOST}:{ports['page_port']}"
        for what, where in (
            ("the page", f"{shop}/"),
            ("its own button", f"{shop}/own"),
            ("the preview", f"{gateway}/preview?site={KEY}"),
            ("a phone", f"{gateway}/phone"),
            ("its token", TOKEN),
            ("the number", f"{NUMBER}        (Ctrl-C ends it)"),
        ):
            console.print(f"{what + ':':16}{where}", highlight=False, soft_wrap=True)
        await asyncio.get_running_loop().create_future()


async def _perform(console: Console) -> int:
    performing = asyncio.current_task()
    assert performing is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, performing.cancel)
    try:
        await show(console)
    except StageError as error:
        console.print(f"[bold red]site: {escape(str(error))}[/]")
        return 1
    except asyncio.CancelledError:
        return 0
    return 0


def main() -> int:
    """Show the site. Returns the exit status."""
    argparse.ArgumentParser(
        prog="python -m scripts.site",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    try:
        return asyncio.run(_perform(Console()))
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())

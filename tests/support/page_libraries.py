"""Libraries of npm that speak SIP from web pages, served to a page as they are, without a build."""

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

NODE: Final = Path(__file__).parents[2] / ".venv/node/node_modules"
# Modules of CommonJS by their names, and what `require` of each finds.
_LOADER = """const made = {};
function load(name) {
  if (!(name in made)) {
    const module = made[name] = { exports: {} };
    const [code, found] = files[name];
    code(module, module.exports, (wanted) => load(found(wanted)));
  }
  return made[name].exports;
}
window.process = { env: {} };
"""
JSSIP: Final = """
const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(server)], uri: `sip:${user}@127.0.0.1`, password: token,
});
ua.on("registered", () => { document.title = "registered"; });
ua.on("newRTCSession", ({ session }) => {
  session.on("peerconnection", ({ peerconnection }) => {
    peerconnection.addEventListener("track", ({ streams }) => { ear.srcObject = streams[0]; });
  });
  session.on("ended", () => { document.title = "over"; });
  window.hangUp = () => session.terminate();
  session.answer({ mediaConstraints: { audio: true, video: false } });
});
ua.start();
"""
SIP_JS: Final = """
import { Web } from "/sip.js/lib/index.js";
const phone = new Web.SimpleUser(server, {
  aor: `sip:${user}@127.0.0.1`,
  media: { constraints: { audio: true, video: false }, remote: { audio: ear } },
  userAgentOptions: { authorizationUsername: user, authorizationPassword: token },
  delegate: {
    onCallReceived: () => phone.answer(),
    onCallHangup: () => { document.title = "over"; },
    onRegistered: () => { document.title = "registered"; },
  },
});
window.hangUp = () => phone.hangup();
await phone.connect();
await phone.register();
"""


def needed(package: str) -> Path:
    """Where a package of npm is. Skips where it is not installed."""
    if not (NODE / package).exists():
        pytest.skip(f"{package} is not installed (npm; `make test-browser` does it)")
    return NODE / package


async def library_page(
    stack: AsyncExitStack, library: str, server: str, user: str, token: str
) -> str:
    """The address of a page that signs in with a library, and answers each call at once."""
    given = f"const [server, user, token] = {json.dumps([server, user, token])};"
    ear = 'const ear = document.querySelector("audio");'
    if library == "jssip":
        scripts = f'<script src="/jssip.js"></script><script>{given}{ear}{JSSIP}</script>'
    else:
        scripts = f'<script>{given}{ear}</script><script type="module">{SIP_JS}</script>'
    html = f'<!doctype html><html lang="en"><title>A phone</title><audio autoplay></audio>{scripts}'

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    async def bundle(_request: web.Request) -> web.Response:
        return web.Response(text=_bundled("jssip", "JsSIP"), content_type="text/javascript")

    needed(library)
    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/jssip.js", bundle)
    app.router.add_static("/sip.js/", needed("sip.js"))
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}/"


def _bundled(package: str, name: str) -> str:
    """A package of CommonJS with all that it requires, as one script that defines `name`."""
    files: list[str] = []
    begin = _main(NODE / package)
    wanted, seen = [begin], {begin}
    while wanted:
        path = wanted.pop()
        text = path.read_text("utf-8")
        found = {one: _found(path, one) for one in _required(text)}
        if path.suffix == ".json":
            text, found = f"module.exports = {text}", {}
        names = json.dumps({one: str(where) for one, where in found.items()})
        code = f"(module, exports, require) => {{{text}\n}}"
        files.append(f"{json.dumps(str(path))}: [{code}, (wanted) => ({names})[wanted]]")
        wanted += [one for one in found.values() if one not in seen]
        seen.update(found.values())
    known = f"const files = {{{', '.join(files)}}};"
    return f"(() => {{ {known}\n{_LOADER}window.{name} = load({json.dumps(str(begin))}); }})();"


def _required(text: str) -> list[str]:
    parts = text.split("require(")[1:]
    return [part[1:].split(part[0])[0] for part in parts if part[:1] in "'\""]


def _found(path: Path, wanted: str) -> Path:
    if not wanted.startswith("."):
        return _main(NODE / wanted)
    whole = (path.parent / wanted).resolve()
    tried = [whole, whole.with_name(f"{whole.name}.js"), whole / "index.js"]
    return next(one for one in tried if one.is_file())


def _main(folder: Path) -> Path:
    told = json.loads((folder / "package.json").read_text("utf-8"))
    main = told.get("browser", told.get("main", "index.js"))
    return _found(folder / "package.json", f"./{main}")

"""What each package may import, read from the source itself. Imports for types only count."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "sip", "media", "web", "engine")

# -- the table ----------------------------------------------------------------------------------

# Each room, and the other rooms that it may import.
ROOM_MAY_IMPORT: Mapping[str, set[str]] = {
    "config": set(),
    "sip": set(),
    "media": set(),
    "web": {"config"},
    # `ringback web` starts the gateway; nothing else of the engine knows it.
    "engine": {"sip", "media", "config", "web"},
}

NOUNS = {
    "engine.errors", "engine.job", "engine.request", "engine.clock",
    "engine.scripts",
}  # fmt: skip
BELOW_CALLS = {
    *NOUNS,
    "engine.store",
    "engine.routing",
    "engine.acd",
    "engine.trace",
    "engine.stir",
    "engine.recordings",
}
EVERYTHING_BELOW_CONTROL = {
    *BELOW_CALLS, "engine.reports", "engine.calls", "engine.callbacks", "engine.inbound",
    "engine.call_control", "engine.personal", "engine.restart", "engine.webhooks", "engine.webrtc",
}  # fmt: skip

# Each package, or module at the root of a room, and what it may import of its own room. A package
# may always import itself; the root of a room is not a package, its modules are listed one by one.
MAY_IMPORT: Mapping[str, set[str]] = {
    # engine: the later ones stand on the earlier ones
    "engine.errors": set(),
    "engine.clock": set(),
    "engine.scripts": set(),
    "engine.job": {"engine.clock", "engine.errors", "engine.scripts"},
    "engine.request": {"engine.errors", "engine.job"},
    "engine.store": NOUNS,
    "engine.routing": {*NOUNS, "engine.store"},
    "engine.trace": NOUNS,
    "engine.stir": set(),
    "engine.recordings": {"engine.errors", "engine.job", "engine.store"},
    "engine.reports": {*NOUNS, "engine.store", "engine.stir"},
    "engine.acd": {*NOUNS, "engine.store", "engine.routing"},
    "engine.calls": BELOW_CALLS,
    "engine.callbacks": {*BELOW_CALLS, "engine.reports", "engine.calls"},
    "engine.inbound": {
        *BELOW_CALLS, "engine.reports", "engine.calls", "engine.callbacks", "engine.webrtc",
    },
    "engine.call_control": {*BELOW_CALLS, "engine.reports", "engine.calls", "engine.inbound"},
    "engine.restart": {*NOUNS, "engine.store"},
    "engine.personal": {
        *NOUNS, "engine.store", "engine.routing", "engine.recordings", "engine.reports",
    },
    "engine.webhooks": {*NOUNS, "engine.store"},
    "engine.control": EVERYTHING_BELOW_CONTROL,
    "engine.webrtc": set(),
    "engine.logs": set(),
    "engine.preflight": {"engine.routing"},
    "engine.checks": {*EVERYTHING_BELOW_CONTROL, "engine.control"},
    "engine.doctor": {"engine.checks", "engine.preflight", "engine.routing"},
    "engine.reload": {*EVERYTHING_BELOW_CONTROL, "engine.checks"},
    "engine.call_parts": EVERYTHING_BELOW_CONTROL,
    "engine.parts": {
        *EVERYTHING_BELOW_CONTROL, "engine.call_parts", "engine.control", "engine.logs",
        "engine.reload",
    },
    "engine.daemon": {
        *EVERYTHING_BELOW_CONTROL, "engine.control", "engine.logs", "engine.parts",
        "engine.preflight", "engine.reload",
    },
    # `run` imports the daemon, `check` the checks, `rpc --schema` the schema, inside the function.
    "engine.cli": {
        "engine.checks", "engine.control", "engine.daemon", "engine.errors",
        "engine.reports", "engine.scripts",
        "engine.doctor", "engine.logs",
    },
    "engine.client": set(),
    # sip
    "sip.errors": set(),
    "sip.hop": {"sip.errors", "sip.message"},
    "sip.saved": {"sip.hop"},
    "sip.usage": {"sip.hop", "sip.message", "sip.saved", "sip.transaction"},
    "sip.policy": {"sip.hop", "sip.message"},
    "sip.message_observer": {"sip.hop"},
    "sip.counters": set(),
    "sip.random_ids": set(),
    "sip.rate_limit": set(),
    "sip.message": {"sip.errors"},
    "sip.sdp": {"sip.errors", "sip.message"},
    "sip.auth": {"sip.errors", "sip.message", "sip.random_ids", "sip.rate_limit"},
    "sip.transaction": {"sip.counters", "sip.errors", "sip.hop", "sip.message", "sip.random_ids"},
    "sip.events": {"sip.errors", "sip.hop", "sip.message", "sip.sdp", "sip.usage"},
    "sip.dialog": {
        "sip.auth", "sip.counters", "sip.errors", "sip.events", "sip.hop", "sip.message",
        "sip.policy", "sip.random_ids", "sip.rate_limit", "sip.saved", "sip.sdp",
        "sip.transaction", "sip.usage",
    },
    "sip.registration": {
        "sip.auth", "sip.counters", "sip.dialog", "sip.errors", "sip.events", "sip.hop",
        "sip.message", "sip.transaction",
    },
    "sip.transport": {
        "sip.counters", "sip.errors", "sip.hop", "sip.message", "sip.rate_limit", "sip.sdp",
        "sip.transaction",
    },
    "sip.user_agent": {
        "sip.auth", "sip.counters", "sip.dialog", "sip.errors", "sip.events", "sip.hop",
        "sip.message", "sip.policy", "sip.random_ids", "sip.rate_limit", "sip.registration",
        "sip.saved", "sip.sdp", "sip.transaction", "sip.usage",
    },
    "sip.endpoint_options": {
        "sip.rate_limit", "sip.transaction", "sip.transport", "sip.user_agent",
    },
    "sip.endpoint": {
        "sip.auth", "sip.counters", "sip.dialog", "sip.errors", "sip.events", "sip.hop",
        "sip.message", "sip.policy", "sip.random_ids", "sip.rate_limit", "sip.registration",
        "sip.saved", "sip.sdp", "sip.transaction", "sip.usage",
        "sip.endpoint_options", "sip.message_observer", "sip.transport", "sip.user_agent",
    },
    # web: the gateway for web pages
    "web.errors": set(),
    "web.texts": set(),
    "web.client_address": set(),
    "web.limits": set(),
    "web.numbers": set(),
    "web.uncalled": {"web.errors", "web.numbers"},
    "web.connections": set(),
    "web.handshakes": {"web.client_address"},
    "web.listeners": set(),
    "web.tls": set(),
    "web.signing": set(),
    "web.progress": set(),
    "web.ring_tone": set(),
    "web.pages": {"web.ring_tone", "web.texts"},
    "web.proof_of_work": {"web.errors", "web.signing"},
    "web.visitor_request": {"web.errors"},
    "web.engine_requests": {"web.errors"},
    "web.talk_service": {
        "web.engine_requests", "web.errors", "web.progress", "web.visitor_request",
    },
    "web.callback_service": {
        "web.engine_requests", "web.errors", "web.numbers", "web.progress", "web.signing",
        "web.talk_service", "web.uncalled", "web.visitor_request",
    },
    "web.availability": {"web.callback_service"},
    "web.admission": {
        "web.client_address", "web.errors", "web.limits", "web.numbers", "web.proof_of_work",
        "web.visitor_request",
    },
    "web.api": {
        "web.admission", "web.availability", "web.callback_service", "web.client_address",
        "web.connections", "web.errors", "web.pages", "web.progress", "web.signing",
        "web.talk_service", "web.texts", "web.visitor_request",
    },
    "web.agent_desk": {"web.client_address", "web.connections", "web.limits", "web.texts"},
    "web.server": {
        "web.admission", "web.agent_desk", "web.api", "web.callback_service", "web.client_address",
        "web.connections", "web.handshakes", "web.listeners", "web.pages",
        "web.progress", "web.proof_of_work", "web.signing", "web.tls",
    },
    # media: the side of the engine, and the side of the worker
    "media.errors": set(),
    "media.isolation": set(),
    "media.settings": {"media.sound_settings"},
    "media.sound_settings": set(),
    "media.listening": {"media.sound", "media.sound_settings"},
    "media.stderr": set(),
    "media.priority": set(),
    "media.garbage": set(),
    "media.detection_limits": set(),
    "media.detection_phrases": set(),
    "media.detection": {
        "media.detection_limits", "media.detection_phrases", "media.recognition", "media.sound",
    },
    "media.sources": set(),
    "media.protocol": {
        "media.detection_limits", "media.detection_phrases", "media.errors", "media.settings",
        "media.sound_settings", "media.sources",
    },
    "media.orphan_worker": set(),
    "media.child_process": set(),
    "media.watchdog": {"media.errors", "media.protocol"},
    "media.worker_socket": set(),
    "media.worker_process": {
        "media.child_process", "media.worker_socket", "media.errors", "media.settings",
    },
    "media.worker_client": {
        "media.detection_limits", "media.detection_phrases", "media.protocol",
        "media.worker_process", "media.errors", "media.settings", "media.sources",
        "media.watchdog",
    },
    "media.process_client": {"media.protocol", "media.child_process", "media.watchdog"},
    "media.rtp_socket": {"media.isolation"},
    "media.webrtc": {
        "media.priority", "media.garbage", "media.isolation", "media.protocol", "media.rtp_socket",
    },
    "media.webrtc_client": {"media.process_client", "media.webrtc"},
    "media.worker_links": {
        "media.errors", "media.protocol", "media.sources", "media.worker_client",
    },
    "media.worker_pool": {
        "media.detection_limits", "media.detection_phrases",
        "media.worker_links",
        "media.watchdog",
        "media.errors", "media.protocol", "media.settings", "media.sources",
        "media.worker_client",
    },
    "media.sound": {
        "media.child_process", "media.errors", "media.isolation", "media.settings", "media.sources",
    },
    "media.codec": {"media.sound"},
    "media.rtp": {"media.errors", "media.protocol", "media.sound"},
    "media.relay": {"media.rtp", "media.sound"},
    "media.clock": {"media.rtp"},
    "media.speech": {"media.child_process", "media.sound"},
    "media.recognition": {"media.child_process", "media.sound"},
    "media.streams": {
        "media.priority", "media.garbage", "media.clock", "media.codec", "media.protocol",
        "media.child_process", "media.errors", "media.isolation",
        "media.process_client", "media.recognition", "media.rtp", "media.rtp_socket",
        "media.sound", "media.stderr", "media.worker",
    },
    "media.worker": {
        "media.priority", "media.garbage", "media.clock", "media.protocol", "media.codec",
        "media.detection", "media.detection_limits", "media.detection_phrases", "media.listening",
        "media.sound_settings", "media.worker_socket", "media.errors", "media.isolation",
        "media.relay", "media.rtp",
        "media.settings", "media.sound", "media.sources", "media.stderr", "media.watchdog",
    },
}  # fmt: skip

# What the engine may not import of the other rooms: these run in another process.
OF_THE_WORKER = {
    "media.worker", "media.relay", "media.rtp", "media.codec", "media.detection",
    "media.listening", "media.clock",
}  # fmt: skip
# The places of sip/ that may use sockets and clocks.
WITH_IO = {"sip.transport", "sip.endpoint"}
IO_MODULES = {"socket", "asyncio", "time", "select", "selectors", "threading"}

MOST_FILES_AT_THE_ROOT = 10
MOST_FILES_IN_A_PACKAGE = 22
A_FILE_A_SECTION = {"config"}
"""See docs/decisions/182-config-has-a-file-a-section.md."""
MOST_LINES = 480
MOST_PARAMETERS = 7
SOUND_LIBRARIES = ("numpy", "soundfile", "soxr", "scipy")

# -- reading the source -------------------------------------------------------------------------


@cache
def sources() -> dict[str, Path]:
    """Each module of the rooms by its dotted name."""
    found: dict[str, Path] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


class Contents(NamedTuple):
    """What is looked at of a file. Its whole syntax tree would take ten times the memory."""

    imports: list[ast.Import | ast.ImportFrom]
    """Wherever in the file they are."""
    imports_at_the_top: list[ast.ImportFrom]
    """Those that importing the file runs."""
    constructors: list[tuple[str, int]]
    """Each class that has an `__init__`, and how many parameters that has besides `self`."""
    docstring: str | None


@cache
def contents(path: Path) -> Contents:
    """What is looked at of a file."""
    tree = ast.parse(path.read_text())
    imports: list[ast.Import | ast.ImportFrom] = []
    constructors: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif isinstance(node, ast.ClassDef):
            constructors += [
                (node.name, parameters(item.args))
                for item in node.body
                if isinstance(item, ast.FunctionDef) and item.name == "__init__"
            ]
    at_the_top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return Contents(imports, at_the_top, constructors, ast.get_docstring(tree))


def parameters(given: ast.arguments) -> int:
    """How many parameters a method has besides `self`."""
    return len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - 1


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the rooms that a module imports, wherever in the file it does."""
    path = sources()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in contents(path).imports:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = parts[: len(parts) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                found.add(name if name in sources() else base)
    return frozenset(name for name in found if name in sources() and name != module)


def package_of(module: str) -> str:
    """What the table has a line for: a package of a room, or a module at its root."""
    return ".".join(module.split(".")[:2])


def is_root(module: str) -> bool:
    """Whether it is the `__init__` of a room, which belongs to no package."""
    return "." not in module


def circles(edges: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in edges:
        if node not in index:
            visit(node)
    return found


def constructors() -> Iterator[tuple[str, int]]:
    """Each `__init__`, and how many parameters it has besides `self`."""
    for module, path in sources().items():
        for name, count in contents(path).constructors:
            yield f"{module}.{name}", count


# -- what holds ---------------------------------------------------------------------------------


def test_every_package_has_a_line_in_the_table() -> None:
    packages = {package_of(name) for name in sources() if not is_root(name)}
    packages = {name for name in packages if not name.startswith("config.")}
    optional = {"engine.clock", "engine.client"}
    assert packages - MAY_IMPORT.keys() == set()
    assert MAY_IMPORT.keys() - packages <= optional


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_it_may(package: str) -> None:
    strays = sorted(
        f"{module} imports {other}"
        for module in sources()
        if package_of(module) == package
        for other in imports(module)
        if other.split(".")[0] == package.split(".")[0]
        and not is_root(other)
        and package_of(other) != package
        and package_of(other) not in MAY_IMPORT[package]
    )
    assert not strays


def test_only_the_command_line_knows_the_gateway() -> None:
    users = {
        package_of(module)
        for module in sources()
        for other in imports(module)
        if other.split(".")[0] == "web" and module.split(".")[0] != "web"
    }
    assert users == {"engine.cli"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    strays = sorted(
        f"{module} imports {other}"
        for module in sources()
        if module.split(".")[0] == room
        for other in imports(module)
        if other.split(".")[0] not in {room, *ROOM_MAY_IMPORT[room]}
    )
    assert not strays


@pytest.mark.parametrize("room", ROOMS)
def test_inside_a_room_imports_are_relative(room: str) -> None:
    strays = set()
    for module, path in sources().items():
        if module.split(".")[0] != room:
            continue
        for node in contents(path).imports:
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            strays |= {f"{module} imports {name}" for name in names if name.split(".")[0] == room}
    assert not strays


def test_no_files_import_each_other_in_a_circle() -> None:
    edges = {module: imports(module) for module in sources()}
    assert circles(edges) == []


def test_no_packages_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for module in sources():
        if not is_root(module):
            others = {package_of(other) for other in imports(module) if not is_root(other)}
            edges.setdefault(package_of(module), set()).update(others - {package_of(module)})
    assert circles(edges) == []


def test_a_circle_is_found() -> None:
    edges = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": [], "e": ["d"]}
    assert circles(edges) == [["a", "b", "c"]]


def test_the_engine_imports_nothing_of_the_media_worker() -> None:
    strays = {
        f"{module} imports {other}"
        for module in sources()
        if module.startswith("engine.")
        for other in imports(module)
        if package_of(other) in OF_THE_WORKER
    }
    assert not strays


def test_the_engine_loads_no_library_for_sound() -> None:
    """They cost some 6 MB of memory, and sound is made by other processes."""
    found, waiting = {"engine.daemon"}, ["engine.daemon"]
    while waiting:
        new = {one for one in imports(waiting.pop()) if not one.endswith("_process")} - found
        found |= new
        waiting += new
    strays = set()
    for module in found:
        for node in contents(sources()[module]).imports:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            strays |= {f"{module} imports {name}" for name in names if name in SOUND_LIBRARIES}
    assert len(found) > 100
    assert not strays


def test_only_the_transport_and_the_endpoint_of_sip_know_sockets_and_clocks() -> None:
    strays = set()
    for module, path in sources().items():
        if not module.startswith("sip.") or package_of(module) in WITH_IO:
            continue
        for node in contents(path).imports:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            strays |= {
                f"{module} imports {name}" for name in names if name.split(".")[0] in IO_MODULES
            }
    assert not strays


def test_the_command_line_loads_the_daemon_only_where_it_runs() -> None:
    strays = {
        f"{module} imports {node.module}"
        for module, path in sources().items()
        if module.startswith("engine.cli")
        for node in contents(path).imports_at_the_top
        if node.level == 2 and (node.module or "").split(".")[0] in ("daemon", "control", "parts")
    }
    assert not strays


def test_only_the_command_line_and_the_gateway_use_the_client() -> None:
    strays = set()
    for module, path in sources().items():
        if package_of(module) in ("engine.cli", "engine.client") or module.startswith("web."):
            continue
        for node in contents(path).imports:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "ringback_client"
            ):
                strays.add(f"{module} imports {node.module}")
    assert not strays


def test_the_client_imports_no_room() -> None:
    files = sorted((ROOT / "clients" / "python" / "ringback_client").glob("*.py"))
    assert files
    strays = set()
    for file in files:
        for node in contents(file).imports:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            strays |= {f"{file.name} imports {one}" for one in names if one.split(".")[0] in ROOMS}
    assert not strays


def test_scripts_reach_the_engine_through_its_client_only() -> None:
    allowed = {"engine.request"}
    more = {"engine.job", "engine.acd.agent", "engine.acd.queue_entry"}
    strays = set()
    for file in sorted((ROOT / "scripts").rglob("*.py")):
        if file.parent.name == "fuzz":  # it feeds the parsers themselves
            continue
        may = allowed | more if file.name == "state_diagrams.py" else allowed
        for node in contents(file).imports:
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                is_engine = node.module.split(".")[0] == "engine"
                if is_engine and node.module not in may:
                    strays.add(f"{file.relative_to(ROOT)} imports {node.module}")
    assert not strays


# -- size ---------------------------------------------------------------------------------------


def test_the_root_of_the_engine_has_few_files() -> None:
    files = sorted(path.name for path in (ROOT / "engine").glob("*.py"))
    assert len(files) <= MOST_FILES_AT_THE_ROOT, files


@pytest.mark.parametrize("room", ROOMS)
def test_no_package_has_too_many_files(room: str) -> None:
    folders = [ROOT / room, *(path for path in (ROOT / room).rglob("*") if path.is_dir())]
    counts = {str(one.relative_to(ROOT)): len(list(one.glob("[!_]*.py"))) for one in folders}
    too_large = {name for name, count in counts.items() if count > MOST_FILES_IN_A_PACKAGE}
    assert too_large <= A_FILE_A_SECTION


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_too_long(room: str) -> None:
    lengths = {
        module: len(path.read_text().splitlines())
        for module, path in sources().items()
        if module.split(".")[0] == room
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_constructor_has_too_many_parameters() -> None:
    assert {name: count for name, count in constructors() if count > MOST_PARAMETERS} == {}


def test_each_package_says_what_it_is_for() -> None:
    """A title, and below it at least one line of what is where, and what is not."""
    silent = [
        module
        for module, path in sources().items()
        if path.name == "__init__.py" and len((contents(path).docstring or "").splitlines()) < 3
    ]
    assert not silent

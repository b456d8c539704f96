"""The wheels, installed beside a project that has a `config`, `media` and `engine` of its own.

The environment that the test makes takes the dependencies from the one it runs in, so that nothing
is downloaded.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.support.ports import free_port, free_udp_range
from web.pages import without_comments

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "engine", "media", "sip", "web")
SOURCES = (*ROOMS, "ringback", "clients")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
OLDEST_SETUPTOOLS = 77
START_LIMIT_S = 60.0

CONFIGURATION = """
[control]
socket = "{directory}/control.sock"
[store]
path = "{directory}/ringback.db"
[sip]
listen = ["udp:127.0.0.1:0"]
[media]
ports = [{first_port}, {last_port}]
recordings = "{directory}/recordings"
[whisper]
cache_dir = "{directory}/speech"
[[queues]]
name = "sales"
[web]
listen = "127.0.0.1:{web_port}"
secret_file = "{directory}/web.secret"
[[sites]]
key = "shop"
name = "shop.example"
origins = ["https://shop.example"]
queue = "sales"
"""

# A project in the manner of Django: packages at its top, one of which is named as a room of ours.
FOREIGN = {
    "config/__init__.py": "NAME = 'shop'\n",
    "config/settings.py": "DEBUG = True\n",
    "media/__init__.py": "raise RuntimeError('the media of the shop')\n",
    "engine/__init__.py": "raise RuntimeError('the engine of the shop')\n",
}
SERVICE = """
import asyncio, json, sys
import config, config.settings
from ringback_client import Client

async def main():
    async with await Client.connect(sys.argv[1]) as ringback:
        jobs = await ringback.call("callback.list")
    print(json.dumps({
        "jobs": jobs["jobs"],
        "config": [config.NAME, config.__file__, config.settings.DEBUG],
        "rooms": [room for room in ("engine", "sip", "media") if room in sys.modules],
    }))

asyncio.run(main())
"""
# The engine as its console script starts it, but no report is so small as to be counted in it.
ALL_REPORTS_ELSEWHERE = """
import sys, ringback, ringback.__main__
sys.path[:0] = ringback.__path__
from engine.reports import report
report.ROWS_HERE = -1
ringback.__main__.main()
"""


def why_no_wheel() -> str | None:
    """Why no wheel can be built here, or None."""
    try:
        found = version("setuptools")
    except PackageNotFoundError:
        return "setuptools is not installed here; `make setup` installs it"
    if int(found.partition(".")[0]) < OLDEST_SETUPTOOLS:
        return f"setuptools {found} is too old to build a wheel; `make setup` installs a newer one"
    return None


def why_no_compiler() -> str:
    """Why no C can be compiled here for Python, or nothing."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if shutil.which(os.environ.get("CC", compiler)) is None:
        return f"no C compiler is here ({compiler})"
    return "" if headers.exists() else "the headers of Python are not installed here"


def environment() -> dict[str, str]:
    """The environment of a process that knows nothing of the checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: object, cwd: Path, status: int = 0) -> str:
    """The output of a command that must end with `status`."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of the engine and of its client, built from a copy of the tree."""
    if reason := why_no_wheel():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("wheels")
    source = directory / "source"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "*.so")
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    for project in (source, source / "clients" / "python"):
        run(
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--wheel-dir", directory, project),
            cwd=directory,
        )
    return sorted(directory.glob("*.whl"))


def test_the_wheel_has_the_relay_in_c_where_there_is_a_compiler(wheels: list[Path]) -> None:
    if why_no_compiler():
        pytest.skip(why_no_compiler())
    packed = zipfile.ZipFile(wheels[0]).namelist()
    (compiled,) = (name for name in packed if name.endswith(".so"))
    assert compiled.startswith("ringback/media/relay/native.")


def test_without_a_compiler_the_build_says_so_and_goes_on(wheels: list[Path]) -> None:
    directory = wheels[0].parent
    shutil.rmtree(directory / "source" / "build", ignore_errors=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", directory / "plain", directory / "source"),
        ],
        env={**environment(), "CC": "no-such-compiler"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "the relay was not compiled" in said
    assert "Ringback works all the same" in said
    (wheel,) = (directory / "plain").glob("ringback-*.whl")
    packed = zipfile.ZipFile(wheel).namelist()
    assert "ringback/media/relay/plain.py" in packed
    assert not [name for name in packed if name.endswith(".so")]


def test_each_wheel_installs_one_folder(wheels: list[Path]) -> None:
    engine, client = wheels
    installed = {name.split("/")[0] for name in zipfile.ZipFile(engine).namelist()}
    assert {name for name in installed if not name.endswith(".dist-info")} == {"ringback"}
    files = zipfile.ZipFile(client).namelist()
    assert {name.split("/")[0] for name in files if ".dist-info" not in name} == {"ringback_client"}
    assert "ringback_client/py.typed" in files


def test_the_wheel_of_the_engine_has_every_module_and_what_they_read(wheels: list[Path]) -> None:
    packed = set(zipfile.ZipFile(wheels[0]).namelist())
    modules = {
        f"ringback/{path.relative_to(ROOT)}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    assert modules - packed == set()
    read = {
        f"ringback/{path.relative_to(ROOT)}"
        for pattern in ("config/*.toml", "web/texts/*.toml", "web/static/*")
        for path in ROOT.glob(pattern)
    }
    assert len(read) > 12 and read - packed == set()
    assert "ringback/ringback_client/client.py" in packed


@pytest.fixture(scope="module")
def project(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with packages of its own, and an environment `venv` with both wheels in it.

    Another distribution has put a `config` into the environment too.
    """
    directory = tmp_path_factory.mktemp("shop")
    made = directory / "venv"
    venv.create(made, with_pip=False)
    python = made / "bin" / "python"
    (packages,) = made.glob("lib/python*/site-packages")
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet"),
        *("--no-deps", "--no-index", *wheels),
        cwd=directory,
    )
    here = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "dependencies.pth").write_text("\n".join(here) + "\n")
    for name, text in FOREIGN.items():
        for place in (directory, packages):
            if place is packages and not name.startswith("config"):
                continue
            file = place / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
    return directory


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose files are all in one new directory."""
    directory = tmp_path_factory.mktemp("engine")
    file = directory / "ringback.toml"
    first_port, last_port = free_udp_range(100)
    file.write_text(
        CONFIGURATION.format(
            directory=directory,
            first_port=first_port,
            last_port=last_port,
            web_port=free_port(),
        )
    )
    return file


@contextmanager
def running(project: Path, configuration: Path, *command: str | Path) -> Iterator[Path]:
    """The socket of an installed engine that `command` runs in the directory of the project."""
    socket, log = configuration.with_name("control.sock"), configuration.with_name("log")
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*command, "run", "--config", configuration],
            cwd=project,
            env=environment(),
            stderr=written,
        )
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while not socket.exists():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield socket
        process.terminate()
        assert process.wait(START_LIMIT_S) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_commands_run_beside_a_foreign_config(project: Path, configuration: Path) -> None:
    ringback = project / "venv/bin/ringback"
    assert run(ringback, "check", configuration, cwd=project) == f"{configuration}: ok\n"
    assert run(ringback, "--version", cwd=project).startswith(f"ringback {version('ringback')}")
    as_module = run(
        project / "venv/bin/python", "-m", "ringback", "check", configuration, cwd=project
    )
    assert as_module == f"{configuration}: ok\n"


def test_engine_and_service_run_beside_a_foreign_config(project: Path, configuration: Path) -> None:
    ringback = project / "venv/bin/ringback"
    with running(project, configuration, ringback) as socket:
        seen = json.loads(run(project / "venv/bin/python", "-c", SERVICE, socket, cwd=project))
        assert seen["jobs"] == []
        assert seen["config"] == ["shop", str(project / "config/__init__.py"), True]
        assert seen["rooms"] == []
        status = json.loads(run(ringback, "--socket", socket, "--json", "status", cwd=project))
        assert len(status["media"]["pids"]) == 1
        listed = run(ringback, "--socket", socket, "rpc", "callback.list", cwd=project)
        assert json.loads(listed)["jobs"] == []


def test_the_gateway_serves_pages_beside_a_foreign_config(
    project: Path, configuration: Path
) -> None:
    ringback = project / "venv/bin/ringback"
    log = configuration.with_name("gateway.log")
    with running(project, configuration, ringback), log.open("wb") as written:
        gateway = subprocess.Popen(
            [ringback, "web", "--config", configuration],
            cwd=project,
            env=environment(),
            stderr=written,
        )
        try:
            listen = tomllib.loads(configuration.read_text())["web"]["listen"]
            deadline = time.monotonic() + START_LIMIT_S
            while b"web gateway listens" not in log.read_bytes():
                assert gateway.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            with urllib.request.urlopen(f"http://{listen}/ringback.js", timeout=30.0) as reply:
                script = reply.read().decode()
            gateway.terminate()
            assert gateway.wait(START_LIMIT_S) == 0, log.read_text()
        finally:
            if gateway.poll() is None:
                gateway.kill()
                gateway.wait()
    assert script == without_comments((ROOT / "web/static/ringback.js").read_text())


def test_report_worker_runs_beside_a_foreign_engine(project: Path, configuration: Path) -> None:
    python = project / "venv/bin/python"
    with running(project, configuration, python, "-c", ALL_REPORTS_ELSEWHERE) as socket:
        report = run(
            *(project / "venv/bin/ringback", "--socket", socket, "--json", "report", "queue"),
            cwd=project,
        )
    assert json.loads(report)["rows"] == []

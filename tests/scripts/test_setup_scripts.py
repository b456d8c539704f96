"""What is said where a package of the system is missing and cannot be installed."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TOOLS = ("dirname", "mktemp", "rm", "sh", "tail")


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    """A directory of programs that is the whole PATH: no peer, no apt-get, the user is root."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for tool in TOOLS:
        directory.joinpath(tool).symlink_to(f"/usr/bin/{tool}")
    program(directory, "id", "echo 0")
    (directory / "tls.so").touch()
    return directory


def program(directory: Path, name: str, text: str) -> None:
    """A program that does what `text` says."""
    file = directory / name
    file.unlink(missing_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def run(script: str, bin_directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPTS / script), *arguments],
        env={"PATH": str(bin_directory), "KAMAILIO_MODULES": str(bin_directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def have_peers(directory: Path, *names: str) -> None:
    for name in names:
        program(directory, name, "exit 0")


def test_nothing_is_said_where_nothing_is_missing(bin_directory: Path) -> None:
    have_peers(bin_directory, "sipp", "baresip", "kamailio", "turnserver", "openssl")
    result = run("test_peers.sh", bin_directory)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_what_is_missing_is_installed(bin_directory: Path, tmp_path: Path) -> None:
    have_peers(bin_directory, "kamailio", "turnserver", "openssl")
    program(bin_directory, "apt-get", f'echo "$*" >>{tmp_path}/asked')
    result = run("test_peers.sh", bin_directory)
    assert result.returncode == 0
    assert result.stdout == "installed: sip-tester baresip\n"
    assert (tmp_path / "asked").read_text().splitlines() == [
        "update",
        "install -y --no-install-recommends sip-tester baresip",
    ]


@pytest.mark.parametrize(
    ("apt", "user", "reason"),
    [
        (None, "0", "there is no apt-get here"),
        ("exit 0", "1000", "only root may"),
        ("echo no network; exit 100", "0", "apt-get failed"),
    ],
)
def test_what_cannot_be_installed_is_said_and_costs_only_its_tests(
    bin_directory: Path, apt: str | None, user: str, reason: str
) -> None:
    have_peers(bin_directory, "sipp", "kamailio", "turnserver", "openssl")
    program(bin_directory, "id", f"echo {user}")
    if apt is not None:
        program(bin_directory, "apt-get", apt)
    result = run("test_peers.sh", bin_directory)
    assert result.returncode == 0
    assert "not installed: baresip" in result.stdout and reason in result.stdout
    assert "the tests that call baresip will be skipped" in result.stdout


def test_kamailio_without_its_tls_module_is_completed(bin_directory: Path) -> None:
    have_peers(bin_directory, "sipp", "baresip", "kamailio", "turnserver", "openssl")
    program(bin_directory, "apt-get", "exit 0")
    (bin_directory / "tls.so").unlink()
    result = run("test_peers.sh", bin_directory)
    assert result.stdout == "installed: kamailio-tls-modules\n"


def test_what_failed_is_not_tried_again_for_a_day(bin_directory: Path, tmp_path: Path) -> None:
    for tool in ("find", "touch"):
        bin_directory.joinpath(tool).symlink_to(f"/usr/bin/{tool}")
    stamp, asked = tmp_path / "failed", tmp_path / "asked"
    program(bin_directory, "install-it", f"echo again >>{asked}; exit 3")
    results = [run("once_a_day.sh", bin_directory, str(stamp), "install-it") for _ in range(3)]
    assert [result.returncode for result in results] == [1, 1, 1]
    assert asked.read_text() == "again\n"
    os.utime(stamp, (0, 0))
    program(bin_directory, "install-it", "exit 0")
    assert run("once_a_day.sh", bin_directory, str(stamp), "install-it").returncode == 0


def test_an_old_python_is_refused_in_words(bin_directory: Path, tmp_path: Path) -> None:
    program(bin_directory, "python", 'test "$1" = --version && echo Python 3.9.2; exit 1')
    result = run("make_venv.sh", bin_directory, "python", str(tmp_path / "venv"))
    assert result.returncode == 1
    assert "needs Python 3.11 or later; python is Python 3.9.2" in result.stdout


def test_the_package_that_fills_an_environment_is_installed(
    bin_directory: Path, tmp_path: Path
) -> None:
    filled = tmp_path / "filled"
    program(
        bin_directory,
        "python",
        f'case "$*" in *ensurepip*) test -e {filled};; "-m venv"*) echo "made $*";; esac',
    )
    program(bin_directory, "apt-get", f'case "$*" in *python3-venv) : >{filled};; esac')
    result = run("make_venv.sh", bin_directory, "python", "DIRECTORY")
    assert result.returncode == 0
    assert result.stdout == "installed: python3-venv\nmade -m venv --clear DIRECTORY\n"


def test_an_environment_that_cannot_be_filled_is_not_begun(bin_directory: Path) -> None:
    program(bin_directory, "python", 'case "$*" in *ensurepip*) exit 1;; *venv*) echo made;; esac')
    result = run("make_venv.sh", bin_directory, "python", "DIRECTORY")
    assert result.returncode == 1
    assert "not installed: python3-venv" in result.stdout and "made" not in result.stdout


def put_beside_an_environment(script: str, bin_directory: Path, tmp_path: Path) -> str:
    """A copy of a script that fills `.venv`, with one that is empty. Returns its path."""
    for tool in ("find", "mkdir", "timeout", "touch"):
        (bin_directory / tool).symlink_to(f"/usr/bin/{tool}")
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name in (script, "npm_install.sh", "once_a_day.sh"):
        (tmp_path / "scripts" / name).write_text((SCRIPTS / name).read_text())
    return str(tmp_path / "scripts" / script)


@pytest.mark.parametrize("npm", [None, "exit 1", "exit 0"])
def test_what_the_bots_for_node_use_is_installed_or_missed_in_words(
    bin_directory: Path, tmp_path: Path, npm: str | None
) -> None:
    copy = put_beside_an_environment("ws_install.sh", bin_directory, tmp_path)
    if npm is not None:
        program(bin_directory, "npm", f"echo $* >{tmp_path}/asked; {npm}")
    result = run(copy, bin_directory)
    assert result.returncode == 0
    assert ("will not be tried" in result.stdout) is (npm != "exit 0")
    if npm == "exit 0":
        assert (tmp_path / "asked").read_text().endswith("ws@8\n")


@pytest.mark.parametrize(("works", "said"), [("true", ""), ("false", "nothing will judge")])
def test_what_judges_speech_is_built_or_missed_in_words(
    bin_directory: Path, tmp_path: Path, works: str, said: str
) -> None:
    copy = put_beside_an_environment("pesq_install.sh", bin_directory, tmp_path)
    program(tmp_path / ".venv/bin", "python", f'case "$*" in *pip*) {works};; *) exit 1;; esac')
    result = run(copy, bin_directory)
    assert result.returncode == 0
    assert (said in result.stdout) if said else not result.stdout

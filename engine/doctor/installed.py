"""What is installed: the relay, the versions, libraries and programs that are optional."""

import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from config.all_sections import AllSections
from config.checks.addresses import listens_to_browsers

from ..checks.voices import speech_fault
from ..routing.local_codecs import missing
from .finding import Finding, Level

RELAY_S: Final = 60.0
_ROOT: Final = Path(__file__).parents[2]


def relay_here() -> tuple[str, str]:
    """The relay that a media worker would have, and why not the other one; "": none, and why."""
    command = [sys.executable, "-m", "media.relay.implementation"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=RELAY_S, check=False, cwd=_ROOT
        )
    except subprocess.TimeoutExpired:
        return "", f"it has not said so within {RELAY_S:g} s"
    if asked.returncode:
        return "", (asked.stderr.strip().splitlines() or ["it says nothing"])[-1]
    name, _, why = asked.stdout.removeprefix("media relay: ").strip().partition(" ")
    return name, why.strip("()")


def relay_findings(relay: tuple[str, str]) -> Iterator[Finding]:
    """Which relay forwards packets, and why not the other one."""
    name, why = relay
    if not name:
        advice = "Leave RINGBACK_RELAY out of the environment."
        yield Finding("relay", "fault", f"No relay runs: {why}.", advice)
    elif name == "native":
        yield Finding(
            "relay", "ok", "The relay in C (native) forwards packets, in a thread of its own."
        )
    else:
        yield Finding(
            "relay",
            "warning",
            f"The relay in plain Python (plain) forwards packets, at twice the cost: {why}.",
            "Install a wheel for this machine, or a C compiler and the headers of Python (gcc, "
            "python3-dev) and then install ringback again.",
        )


def version_findings(packages: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """The versions of the engine, its client and Python. `packages` in place of those here."""
    found = {name: _version(name) for name in ("ringback", "ringback-client")}
    found |= packages or {}
    engine, client = found["ringback"], found["ringback-client"]
    what = f"ringback {engine}, ringback-client {client}, Python {platform.python_version()}."
    if not client:
        advice = "pip install ringback-client"
        yield Finding("versions", "fault", "The package ringback-client is not there.", advice)
    elif engine and engine != client:
        advice = "Install both in the same version."
        yield Finding("versions", "warning", f"{what[:-1]}: they differ.", advice)
    else:
        yield Finding("versions", "ok", what)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def library_findings(settings: AllSections) -> Iterator[Finding]:
    """Libraries and programs, by what the configuration asks of them."""
    yield from _speech(settings)
    yield from _opus(settings)
    for module, what in (("pylibsrtp", "SRTP"), ("soundfile", "sound files besides WAV"),
                         ("webrtcvad", "voice activity")):  # fmt: skip
        yield _module(module, what, is_wanted=True, advice=f"pip install {module}")
    recognition = settings.recognition.engine == "pocketsphinx"
    yield _module(
        "pocketsphinx", "recognition of words", is_wanted=recognition,
        advice="pip install 'ringback[recognition]'",
    )  # fmt: skip
    yield _module(
        "aiortc", "browsers as phones", is_wanted=listens_to_browsers(settings),
        advice="pip install 'ringback[webrtc]'",
    )  # fmt: skip
    named = (
        ("recording", "move_command", settings.recording.move_command),
        ("speech", "command", settings.speech.command),
        ("recognition", "command", settings.recognition.command),
    )
    commands = {f"{section}.{key}": command for section, key, command in named}
    for number, alert in enumerate(settings.alerts):
        commands[f"alerts[{number}].command"] = alert.command
    for key, command in commands.items():
        if command:
            yield _program(key, command[0])


def _speech(settings: AllSections) -> Iterator[Finding]:
    reason = speech_fault(settings)
    if reason is None:
        yield Finding("espeak-ng", "ok", "espeak-ng speaks texts.")
        return
    yield Finding(
        "espeak-ng",
        "warning" if settings.speech.command else "fault",
        f"espeak-ng does not speak: {reason}.",
        "pip install espeakng-loader, or name a voice that it has in whisper.voice.",
    )


def _opus(settings: AllSections) -> Iterator[Finding]:
    reason = missing().get("opus")
    if reason is None:
        yield Finding("libopus", "ok", "The codec Opus works.")
        return
    codecs = [*(one.codecs for one in settings.trunks), *(one.codecs for one in settings.agents)]
    is_wanted = any("opus" in one for one in codecs) or listens_to_browsers(settings)
    level: Level = "fault" if is_wanted else "note"
    yield Finding("libopus", level, f"Opus is offered to nobody: {reason}.", "apt install libopus0")


def _module(name: str, what: str, *, is_wanted: bool, advice: str) -> Finding:
    if importlib.util.find_spec(name) is not None:
        return Finding(name, "ok", f"{name} is there, for {what}.")
    if is_wanted:
        return Finding(name, "fault", f"{name} is not there: no {what}.", advice)
    return Finding(name, "note", f"{name} is not there, and nothing asks for {what}.", advice)


def _program(key: str, path: str) -> Finding:
    if shutil.which(path):
        return Finding(key, "ok", f"{path} may be run.")
    advice = "Install it, or correct its path and its mode (chmod +x)."
    return Finding(key, "fault", f"{path} is not there, or may not be run.", advice)

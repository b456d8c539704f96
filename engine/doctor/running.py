"""What an engine that runs says of itself: its version, its relay, its trunks, its store."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from .finding import Finding, Level


def engine_findings(
    status: Mapping[str, Any], relay: str, installed: str = ""
) -> Iterator[Finding]:
    """What stands out in `engine.status`, beside the version and relay that are installed."""
    installed = installed or version("ringback")
    if status["version"] == installed:
        yield Finding("engine", "ok", f"An engine runs, version {installed}.")
    else:
        yield Finding(
            "engine",
            "warning",
            f"Version {status['version']} runs, and {installed} is installed.",
            "ringback drain --stop, and start it again.",
        )
    running = {worker["relay"] for worker in status["media"]["workers"]}
    if running and running != {relay}:
        yield Finding(
            "relay",
            "warning",
            f"The media workers that run have the relay {', '.join(sorted(running))}, and "
            f"{relay} is installed.",
            "Start the engine again.",
        )
    if status["draining"]:
        yield Finding("engine", "warning", "It takes no new calls: it is drained.",
                      "Start it again, once it has stopped.")  # fmt: skip
    error = status["store"]["last_error"]
    if error is not None:
        what = f"The store could not be written: {error['message']}."
        yield Finding("store.path", "warning", what, "See its disk; what waits is written then.")
    for trunk in status["trunks"]:
        yield _trunk(trunk)


def _trunk(trunk: Mapping[str, Any]) -> Finding:
    about = f"trunk {trunk['name']}"
    if trunk["down"]:
        return Finding(
            about, "fault", f"{trunk['uri']} is passed over: {trunk['down']}.",
            f"ringback trunks {trunk['name']} shows its hosts and last failures; ringback trace "
            "shows the SIP of a call.",
        )  # fmt: skip
    if trunk["state"] in ("static", "registered"):
        words = "calls may go there" if trunk["state"] == "static" else "it is registered"
        return Finding(about, "ok", f"{trunk['uri']}: {words}.")
    reason = f": {trunk['reason']}" if trunk["reason"] else ""
    level: Level = "note" if trunk["state"] == "registering" and not reason else "fault"
    return Finding(
        about, level, f"{trunk['uri']} is {trunk['state'].replace('_', ' ')}{reason}.",
        "Compare username, password and uri with what the provider gave.",
    )  # fmt: skip

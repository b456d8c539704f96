"""A session on the control socket, recorded from an earlier engine, is played to this one."""

import json
from pathlib import Path

from tests.support.engines.virtual import world

from .compare import CLOSED_QUEUE, Comparison, Difference, Intended
from .session import Session, Turn, read

HERE = Path(__file__).resolve().parent
PROTOCOL = HERE.parent / "engine" / "control" / "recorded_protocol.json"
TURNS = read(HERE / "control_session.jsonl.gz")


_MISSED = "an agent who hangs up in the whisper has missed the offer: it is none of the day's calls"

_OWN_QUEUES = "an agent may list their own queues; the audit log has no refusal of it"

INTENDED = (
    Intended(
        r"route\.explain answered\.result\.admission\.allowed",
        "a sip: URI at a host that is not allowed is refused by admission, as numbers are",
        lambda before, now: (before, now) == (True, False),
    ),
    Intended(
        r"route\.explain answered\.result\.admission\.reason",
        "the same",
        lambda before, now: before is None and "dial.allow_hosts" in now,
    ),
    Intended(
        r"route\.explain answered\.result\.objections\[0\]\.step",
        "the same",
        lambda before, now: (before, now) == ("trunks", "admission"),
    ),
    Intended(
        r"(agent|report)\.\w+ answered\.result\.(agents\[0\]\.)?calls"
        r"|event snapshot\.agent\.params\.view\.calls",
        _MISSED,
        lambda before, now: now == before - 1,
    ),
    Intended(
        r"agent\.get answered\.result\.reason",
        _MISSED,
        lambda before, now: before is None and now == "hung up in the whisper: hung up",
    ),
    Intended(
        r"agent\.get answered\.result\.last_ended_at", _MISSED, lambda before, now: now < before
    ),
    Intended(
        r"report\.live answered\.result\.engine\.events\.subscribers",
        "the check of the protocol listens to each engine in a test, and the webhook of requests",
        lambda before, now: now == before + 2,
    ),
    Intended(
        r"alice",
        _OWN_QUEUES,
        lambda before, now: (before, now) == (["queue.list refused"], ["queue.list answered"]),
    ),
    Intended(
        r"audit\.list answered\.result\.entries\[\d\]\.number",
        _OWN_QUEUES,
        lambda before, now: now == before - 1,
    ),
    Intended(
        r"audit\.list answered\.result\.entries\[[34]\]\.(method|reason|outcome|params\.agent)",
        _OWN_QUEUES,
        lambda before, now: before != now,  # the refusal was the fourth entry
    ),
    Intended(
        r"record\.get answered\.result\.stays\[0\]\.id",
        "it ends with the number of an event; trunk.down and trunk.up came between",
        lambda before, now: "/" in before and "/" in now,
    ),
    Intended(
        r".* refused\.error\.data\.reason",
        "an error about one of several words names them",
        lambda before, now: before.startswith("Invalid enum value") and now.startswith("must be"),
    ),
    *CLOSED_QUEUE,
    Intended(
        r"watch",
        "a callback for a closed queue has its time at once, not with a second event",
        lambda before, now: (before, now) == (["event callback.queued"], []),
    ),
    Intended(
        r"event engine\.reload_failed\.params\.reason",
        "each fault of a configuration has its line",
        lambda before, now: now.endswith(":207: " + before.partition(": ")[2]),
    ),
    Intended(
        r"again",
        "types of events that there are not are refused",
        lambda _before, now: now == ["events.subscribe refused"],
    ),
    Intended(
        r".*\.sip_status",
        "a refused connection is no answer of SIP: it has no status",
        lambda before, now: before == 503 and now in (None, "nothing"),
    ),
    Intended(
        r".*\.(reason|cause|sip_reason)",
        "the same",
        lambda before, now: now in (None, before.replace("503 connection", "connection")),
    ),
)

SHOWN_ELSEWHERE = {
    "leg.early_media": "test_sip_session.py",
    "trunk.failed": "integration/test_trunks.py",
    "trunk.registered": "test_sip_session.py",
    "trunk.unregistered": "integration/test_trunks.py",
    "call.callback": "newer than the recording; engine/inbound/test_inbound_call.py",
    "customer.callback_refused": "engine/callbacks/test_customer_hold.py",
    "webhook.failed": "test_sip_session.py",
    "engine.not_saved": "engine/store/test_event_log.py and test_group_commit.py",
    "engine.slow_reader": "engine/control/test_subscription.py",
}
"""Events that this recording does not have, and where they are seen."""


def is_intended(difference: Difference) -> bool:
    return any(change.covers(difference) for change in INTENDED)


def events_of(turns: list[Turn]) -> set[str]:
    lines = [line["got"] for turn in turns for line in turn.got]
    return {line["params"]["type"] for line in lines if "params" in line}


def played(tmp_path: Path, turns: list[Turn]) -> Comparison:
    """What differs when these turns are played to the engine."""
    comparison = Comparison(frozenset(events_of(turns)), str(tmp_path))
    with world(tmp_path) as here:
        Session(here, (HERE / "session.toml").read_text()).play(turns, comparison)
    return comparison


def test_every_reply_and_event_is_as_it_was(tmp_path: Path) -> None:
    differences = played(tmp_path, TURNS).differences
    unintended = [one for one in differences if not is_intended(one)]
    assert not unintended, "\n".join(map(str, unintended))
    unseen = [change.why for change in INTENDED if not any(map(change.covers, differences))]
    assert not unseen, "these changes are no longer there"


def test_the_recording_has_every_event_and_method() -> None:
    protocol = json.loads(PROTOCOL.read_text())
    events = {event["name"] for event in protocol["x-events"]}
    assert events - events_of(TURNS) == SHOWN_ELSEWHERE.keys()
    asked = {
        turn.step["send"]["id"]: turn.step["send"]["method"]
        for turn in TURNS
        if "send" in turn.step
    }
    replies = [line["got"] for turn in TURNS for line in turn.got if "id" in line["got"]]
    answered = {asked.get(reply["id"]) for reply in replies if "result" in reply}
    methods = {method["name"] for method in protocol["methods"]}
    # What these answer is about sockets and processes: they are in the SIP session.
    assert methods - answered == {"engine.status", "webhook.retry"}
    kinds = {reply["error"].get("data", {}).get("kind") for reply in replies if "error" in reply}
    assert {"conflict", "not_found", "refused", "unavailable", "state"} <= kinds

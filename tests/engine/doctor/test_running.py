"""What an engine that runs says of itself."""

from typing import Any

import pytest

from engine.doctor.running import engine_findings

PBX: dict[str, Any] = {"name": "pbx", "uri": "sip:192.0.2.1", "state": "static",
                       "reason": None, "down": None}  # fmt: skip


def found(trunk: dict[str, Any] | None = None, **changed: Any) -> dict[str, str]:
    status = {
        "version": "1.2",
        "media": {"workers": [{"relay": "native"}]},
        "draining": False,
        "store": {"last_error": None},
        "trunks": [PBX | (trunk or {})],
    } | changed
    findings = list(engine_findings(status, "native", installed="1.2"))
    assert all(one.advice for one in findings if one.level in ("warning", "fault"))
    return {one.about: one.level for one in findings}


def test_engine_that_is_well() -> None:
    assert found() == {"engine": "ok", "trunk pbx": "ok"}


@pytest.mark.parametrize(
    ("changed", "about"),
    [
        ({"version": "1.1"}, "engine"),
        ({"draining": True}, "engine"),
        ({"media": {"workers": [{"relay": "plain"}]}}, "relay"),
        ({"store": {"last_error": {"message": "the disk is full"}}}, "store.path"),
    ],
)
def test_what_is_wrong_with_it(changed: dict[str, Any], about: str) -> None:
    assert found(**changed)[about] == "warning"


@pytest.mark.parametrize(
    ("trunk", "level"),
    [
        ({"state": "registered"}, "ok"),
        ({"state": "registering"}, "note"),
        ({"state": "failed", "reason": "403 Forbidden"}, "fault"),
        ({"down": "no answer to OPTIONS"}, "fault"),
    ],
)
def test_trunks_by_their_state(trunk: dict[str, Any], level: str) -> None:
    assert found(trunk)["trunk pbx"] == level

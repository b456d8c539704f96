"""Each SIP event goes to the one part that it is for."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.inbound.sip_events import SipEvents
from sip import events

CAUSE = events.Cause(200, "OK", "remote")
SESSION: Any = SimpleNamespace(tag=None)


@pytest.mark.parametrize(
    ("event", "part"),
    [
        (events.RegistrationChanged(SESSION, "registered", 200, "OK", 600), "trunks"),
        (events.IncomingInvite(SESSION, cast(Any, None)), "inbound"),
        (events.ExtensionsRefused(cast(Any, None), cast(Any, None), ("100rel",)), "refused"),
        (events.Progress(SESSION, 180, "Ringing", None), "legs"),
        (events.Ended(SESSION, CAUSE), "legs"),
    ],
)
def test_each_event_goes_to_one_part(event: Any, part: str) -> None:
    got: list[tuple[str, object]] = []
    router = SipEvents(
        cast(Any, SimpleNamespace(on_sip=lambda one: got.append(("trunks", one)))),
        cast(
            Any,
            SimpleNamespace(
                on_invite=lambda one: got.append(("inbound", one)),
                on_extensions_refused=lambda one: got.append(("refused", one)),
            ),
        ),
        cast(Any, SimpleNamespace(on_sip=lambda one: got.append(("legs", one)))),
    )
    router.on_sip(event)
    assert got == [(part, event)]

"""Where a 3xx leads: what is permitted, how far, and never in a circle."""

from dataclasses import replace

import pytest

from engine.calls.hangup_cause import HangupCause
from engine.calls.legs.redirection import MOST_REDIRECTIONS, MOST_TARGETS, Redirections
from engine.errors import EngineError
from engine.routing.targets.destination import DialTarget

BOB = DialTarget("sip:bob@192.0.2.1", "sip:bob@192.0.2.1")


def find(uri: str, by_proxy: DialTarget | None) -> tuple[DialTarget, ...]:
    """Everybody may be called but premium numbers."""
    if "premium" in uri:
        raise EngineError("refused", "premium numbers are not called", field="to")
    if by_proxy is not None:
        return (replace(by_proxy, hop_uri=uri, route=(f"<{uri};lr>",)),)
    return (DialTarget(uri, uri),)


def moved(*contacts: str, status: int = 302) -> HangupCause:
    return HangupCause("rejected", "Moved", status, contacts=contacts)


def test_each_permitted_contact_is_called_in_its_order() -> None:
    redirections = Redirections(find)
    redirections.note_tried(BOB)
    followed = redirections.follow(moved("sip:carol@a", "sip:premium@a", "sip:dave@a"), BOB)
    assert [one.target for one in followed.targets] == ["sip:carol@a", "sip:dave@a"]
    assert followed.shown == ["sip:carol@a", "sip:dave@a"]
    assert followed.refused == ("sip:premium@a: premium numbers are not called",)
    assert redirections.has_followed


def test_where_nobody_may_be_called_the_cause_says_why() -> None:
    followed = Redirections(find).follow(moved("sip:premium@a"), BOB)
    assert followed.targets == ()
    assert (followed.cause.result, followed.cause.sip_status) == ("rejected", 302)
    assert "premium numbers are not called" in followed.cause.phrase
    assert followed.cause.contacts == ()


def test_nobody_is_called_twice() -> None:
    redirections = Redirections(find)
    redirections.note_tried(BOB)
    assert redirections.follow(moved(BOB.target), BOB).targets == ()
    (carol,) = redirections.follow(moved("sip:carol@a"), BOB).targets
    followed = redirections.follow(moved("sip:carol@a", BOB.target), carol)
    assert followed.targets == ()
    assert followed.refused == (
        "sip:carol@a: was called before",
        f"{BOB.target}: was called before",
    )


def test_a_chain_ends() -> None:
    redirections = Redirections(find)
    for number in range(MOST_REDIRECTIONS):
        assert redirections.follow(moved(f"sip:{number}@a"), BOB).targets
    followed = redirections.follow(moved("sip:last@a"), BOB)
    assert followed.targets == ()
    assert followed.cause.phrase == f"redirected more than {MOST_REDIRECTIONS} times"


def test_so_do_many_contacts() -> None:
    contacts = [f"sip:{number}@a" for number in range(MOST_TARGETS + 5)]
    followed = Redirections(find).follow(moved(*contacts), BOB)
    assert len(followed.targets) == MOST_TARGETS
    assert followed.refused == (f"sip:{MOST_TARGETS}@a: more than {MOST_TARGETS} places",)


def test_use_proxy_calls_the_same_party_another_way() -> None:
    redirections = Redirections(find)
    redirections.note_tried(BOB)
    (target,) = redirections.follow(moved("sip:192.0.2.9", status=305), BOB).targets
    assert (target.target, target.hop_uri) == (BOB.target, "sip:192.0.2.9")
    assert target.route == ("<sip:192.0.2.9;lr>",)
    assert redirections.follow(moved("sip:192.0.2.9", status=305), BOB).targets == ()


@pytest.mark.parametrize("contact", ["sip:\udcff@a"])
def test_what_cannot_be_shown_is_made_readable(contact: str) -> None:
    (said,) = Redirections(find).follow(moved(contact + "premium"), BOB).refused
    said.encode()

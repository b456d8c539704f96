"""From SIP causes to words."""

import msgspec
import pytest

from engine.calls.hangup_cause import (
    HangupCause,
    at_trunk,
    of_ended_session,
    of_failed_invite,
    of_unanswered_call,
    q850_cause,
)
from sip.events import Cause


@pytest.mark.parametrize(
    ("status", "result", "trunk_failed"),
    [
        (486, "busy", False),
        (600, "busy", False),
        (603, "declined", False),
        (480, "unavailable", False),
        (404, "not_found", False),
        (484, "not_found", False),
        (488, "incompatible", False),
        (403, "rejected", False),
        (302, "rejected", False),
        (699, "rejected", False),
        (401, "auth", True),
        (407, "auth", True),
        (408, "no_answer", True),
        (500, "unreachable", True),
        (501, "unreachable", True),
        (503, "unreachable", True),
        (505, "unreachable", True),
        (580, "unreachable", True),
    ],
)
def test_final_responses(status: int, result: str, trunk_failed: bool) -> None:
    ending = of_failed_invite(Cause(status, "Phrase", "remote", "Q.850;cause=127"))
    assert (ending.result, ending.sip_status) == (result, status)
    assert ending.trunk_failed is trunk_failed
    assert ending.reason_header == "Q.850;cause=127"
    assert str(ending) == f"{status} Phrase"


@pytest.mark.parametrize("status", [403, 404, 408, 486, 503, 600, 603])
@pytest.mark.parametrize("has_credentials", [True, False])
@pytest.mark.parametrize("has_rung", [True, False])
def test_what_a_status_means_of_a_trunk(status: int, has_credentials: bool, has_rung: bool) -> None:
    plain = of_failed_invite(Cause(status, "Phrase", "remote"))
    ending = at_trunk(plain, has_credentials=has_credentials, has_rung=has_rung)
    assert (ending.result, ending.sip_status) == (plain.result, status)
    assert ending.trunk_failed is (
        status == 503 or (status == 403 and has_credentials) or (status == 408 and not has_rung)
    )


@pytest.mark.parametrize(
    ("status", "reason", "result", "trunk_failed"),
    [
        (503, "Q.850;cause=17", "busy", False),
        (480, 'SIP;cause=480, Q.850;cause=21;text="x"', "declined", False),
        (500, "Q.850;cause=1", "not_found", False),
        (503, "Q.850;cause=34", "unreachable", True),
        (480, "Q.850;cause=16", "unavailable", False),
        (486, "Q.850;cause=34", "busy", False),
        (503, "Q.850;cause=99", "unreachable", True),
    ],
)
def test_a_gateway_says_more_than_its_status(
    status: int, reason: str, result: str, trunk_failed: bool
) -> None:
    ending = of_failed_invite(Cause(status, "Phrase", "remote", reason, 30.0))
    assert (ending.result, ending.sip_status) == (result, status)
    assert ending.trunk_failed is trunk_failed
    assert ending.trunk_rests_s == (30.0 if trunk_failed and status == 503 else 0.0)


def test_the_warning_says_why_it_is_not_acceptable() -> None:
    ending = of_failed_invite(Cause(488, "Not Acceptable", "remote", warning="no codec"))
    assert ending.phrase == "Not Acceptable (no codec)"
    assert of_failed_invite(Cause(606, "No", "remote")).result == "incompatible"


@pytest.mark.parametrize(
    ("cause", "q850"),
    [
        (HangupCause("busy", "", 486), 17),
        (HangupCause("unreachable", "", 503, "Q.850;cause=34"), 34),
        (HangupCause("no_answer", ""), 19),
        (HangupCause("completed", ""), 16),
        (HangupCause("hung_up", "", None, "SIP;cause=200"), 16),
        (HangupCause("rejected", "", 302), 21),
    ],
)
def test_the_other_party_is_told_the_cause(cause: HangupCause, q850: int) -> None:
    assert q850_cause(cause) == q850


def test_a_reason_header_that_is_no_text_can_still_be_shown() -> None:
    broken = b'SIP;text="\xff"'.decode(errors="surrogateescape")
    for ending in (
        of_failed_invite(Cause(486, "Busy Here", "remote", broken)),
        of_ended_session(Cause(None, "BYE", "remote", broken)),
    ):
        assert msgspec.json.encode(ending.reason_header)


def test_no_response_at_all_is_unreachable() -> None:
    ending = of_failed_invite(Cause(408, "Request Timeout", "timeout"))
    assert (ending.result, ending.trunk_failed) == ("unreachable", True)
    assert ending.sip_status is None


def test_a_transport_error_is_unreachable() -> None:
    ending = of_failed_invite(Cause(503, "connection refused", "transport"))
    assert (ending.result, ending.phrase) == ("unreachable", "connection refused")
    assert ending.sip_status is None
    assert ending.trunk_failed


def test_only_what_sip_has_answered_has_a_status() -> None:
    assert of_failed_invite(Cause(488, "no codec", "local")).sip_status is None
    assert of_ended_session(Cause(408, "no ACK", "timeout")).sip_status is None
    assert of_ended_session(Cause(481, "gone", "remote")).sip_status == 481
    assert of_unanswered_call(Cause(408, "no ACK", "timeout")).sip_status is None
    assert of_unanswered_call(Cause(480, "rejected", "local")).sip_status == 480  # our own answer


def test_an_answer_without_a_codec_in_common() -> None:
    ending = of_failed_invite(Cause(None, "no common codec", "local"))
    assert (ending.result, str(ending)) == ("failed", "no common codec")


@pytest.mark.parametrize(
    ("origin", "result"),
    [
        ("remote", "hung_up"),
        ("local", "completed"),
        ("timeout", "failed"),
        ("transport", "failed"),
    ],
)
def test_sessions_that_were_up(origin: str, result: str) -> None:
    cause = Cause(None, "over", origin)  # type: ignore[arg-type]
    assert of_ended_session(cause).result == result


def test_how_long_a_trunk_is_passed_over() -> None:
    busy = Cause(503, "Busy", "remote", None, 120.0)
    assert of_failed_invite(busy).trunk_rests_s == 120.0
    assert of_failed_invite(Cause(503, "Busy", "remote")).trunk_rests_s == 0.0
    assert of_failed_invite(Cause(486, "Busy", "remote", None, 9.0)).trunk_rests_s == 0.0
    assert of_failed_invite(Cause(408, "Request Timeout", "timeout")).trunk_rests_s > 0.0


def test_an_offer_of_a_caller_that_we_cannot_meet() -> None:
    ending = of_unanswered_call(Cause(488, "no common codec", "local"))
    assert (ending.result, ending.sip_status) == ("incompatible", 488)

"""What stays of a job, a record and an event when its person is erased."""

import json
from typing import Any

import msgspec

from engine.job import AttemptRecord, Job
from engine.personal.person import Person
from engine.personal.scrub import scrub_event, scrub_job, scrub_record
from tests.support.jobs import callback_job
from tests.support.recorded import leg

NUMBER = "+442079460123"
PERSON = Person.of(NUMBER, "GB")
SECRETS = (NUMBER, "2079460123", "Ada", "203.0.113.7")


def _job(**fields: Any) -> Job:
    legs = [
        leg("agent", 10.0, 12.0, 20.0, uri=f"sip:alice@pbx;caller={NUMBER}"),
        leg("customer", 13.0, 15.0, 20.0, uri=f"sip:{NUMBER}@pbx"),
    ]
    attempt = AttemptRecord(
        call="call-1", legs=legs, number=NUMBER, result="busy", cause="020 7946 0123 is busy"
    )
    given: dict[str, Any] = {
        "to": NUMBER,
        "numbers": [NUMBER],
        "context": {"name": "Ada"},
        "whisper": {"text": "Ada is waiting"},
        "caller_id": NUMBER,
        "source": "203.0.113.7",
        "queue": "sales",
        "state": "failed",
        "created": 5.0,
        "ended_at": 20.0,
        "attempts": [attempt],
        "recording": "job-1.wav",
        "called": NUMBER,
        "dial_to": f"sip:{NUMBER}@pbx",
        "notes": ["Ada was cross"],
        "cause": f"{NUMBER} is busy",
        "fingerprint": f"to={NUMBER}",
        "outside_tried": {NUMBER: 12.0},
    }
    return callback_job("job-1", **given | fields)


def _as_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def test_of_a_job_times_and_how_it_ended_stay_and_nothing_says_who_it_was() -> None:
    kept = scrub_job(_job(), PERSON)
    assert [secret for secret in SECRETS if secret in _as_text(kept)] == []
    assert (kept.id, kept.state, kept.created, kept.ended_at) == ("job-1", "failed", 5.0, 20.0)
    assert (kept.request.queue, kept.request.to, kept.request.context) == ("sales", "erased", {})
    (attempt,) = kept.attempts
    assert (attempt.result, attempt.number, attempt.cause) == ("busy", "erased", "erased is busy")
    assert [(one.role, one.answered) for one in attempt.legs] == [
        ("agent", 12.0), ("customer", 15.0),
    ]  # fmt: skip
    assert [one.uri for one in attempt.legs] == ["sip:alice@pbx;caller=erased", "erased"]


def test_an_attempt_at_the_first_number_names_none_afterwards_either() -> None:
    job = _job(attempts=[AttemptRecord(call="call-1", number=None)])
    assert scrub_job(job, PERSON).attempts[0].number is None


def test_of_a_record_only_the_members_that_are_known_to_say_nothing_of_the_person_stay() -> None:
    record = {
        "id": "job-1", "state": "failed", "queue": "sales", "to": NUMBER, "number": NUMBER,
        "context": {"name": "Ada"}, "recording": "job-1.wav", "cause": f"{NUMBER} is busy",
        "source": "203.0.113.7", "any_member_of_tomorrow": "Ada", "offers": [{"agent": "alice"}],
        "attempts": [{
            "call": "call-1", "number": NUMBER, "result": "busy",
            "legs": [{"role": "customer", "uri": f"sip:{NUMBER}@pbx", "answered": 15.0}],
        }],
    }  # fmt: skip
    kept = scrub_record(record, PERSON)
    assert [secret for secret in SECRETS if secret in json.dumps(kept)] == []
    assert kept == {
        "id": "job-1", "state": "failed", "queue": "sales", "to": "erased", "context": {},
        "cause": "erased is busy", "recording": None, "erased": True,
        "offers": [{"agent": "alice"}],
        "attempts": [{
            "call": "call-1", "result": "busy",
            "legs": [{"role": "customer", "uri": "erased", "answered": 15.0}],
        }],
    }  # fmt: skip


def test_a_call_that_came_in_has_no_number_to_erase_in_to() -> None:
    kept = scrub_record({"id": "call-1", "kind": "call", "from": NUMBER, "offers": None}, PERSON)
    assert kept == {
        "id": "call-1", "kind": "call", "attempts": [], "offers": [], "context": {},
        "recording": None, "erased": True,
    }  # fmt: skip


def test_of_an_event_its_place_its_time_and_its_type_stay() -> None:
    event = {
        "seq": 7, "epoch": "e1", "time": 12.0, "type": "leg.ended", "job": "job-1", "leg": "l1",
        "uri": f"sip:{NUMBER}@pbx", "context": {"name": "Ada"}, "reason": "Ada", "role": "customer",
        "sip_status": 486, "any_member_of_tomorrow": "Ada",
    }  # fmt: skip
    assert scrub_event(event, PERSON) == {
        "seq": 7, "epoch": "e1", "time": 12.0, "type": "leg.ended", "job": "job-1", "leg": "l1",
        "role": "customer", "sip_status": 486, "erased": True,
    }  # fmt: skip

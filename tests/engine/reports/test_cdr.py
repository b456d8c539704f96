"""The record of one callback: its moments, and how long the customer had nobody."""

import msgspec

from engine.job import OfferRecord, site_of
from engine.reports.cdr import Stay, answer_rows, due_at, moments_of, row_of
from tests.support.recorded import ended_job, leg


def test_the_moments_of_an_agent_first_callback() -> None:
    job = ended_job(
        legs=[
            [leg("agent", 1001.0, None, 1031.0)],
            [leg("agent", 1040.0, 1043.0, 1100.0), leg("customer", 1045.0, 1050.0, 1098.0)],
        ],
        bridged_at=1050.1,
    )
    found = moments_of(job)
    assert (found.called_at, found.operator_at, found.customer_at) == (1045.0, 1043.0, 1050.0)
    assert found.talk_at == 1050.1
    assert found.talk_s is not None and round(found.talk_s, 6) == 47.9  # the agent hung up first
    (answer,) = found.answers
    assert round(answer.alone_s, 6) == 0.1


def test_a_customer_who_holds_for_an_agent_is_alone_until_the_talk() -> None:
    waits = [leg("customer", 1001.0, 1005.0, 1100.0), leg("agent", 1010.0, 1030.0, 1100.0)]
    job = ended_job(legs=[waits], bridged_at=1035.0, order="customer_first")
    assert [answer.alone_s for answer in moments_of(job).answers] == [30.0]


def test_a_customer_who_gives_up_was_alone_until_they_hung_up() -> None:
    gives_up = [leg("customer", 1001.0, 1005.0, 1020.0), leg("agent", 1010.0, None, 1020.0)]
    job = ended_job(state="failed", legs=[gives_up], order="customer_first")
    found = moments_of(job)
    assert [answer.alone_s for answer in found.answers] == [15.0]
    assert found.talk_s is None
    again = ended_job(legs=[gives_up, [
        leg("agent", 1030.0, 1031.0, 1090.0), leg("customer", 1032.0, 1040.0, 1090.0),
    ]], bridged_at=1040.0)  # fmt: skip
    assert [answer.alone_s for answer in moments_of(again).answers] == [15.0, 0.0]


def test_an_agent_who_lost_has_no_part_in_the_talk() -> None:
    legs = [
        leg("agent", 1001.0, 1003.0, 1003.1),  # answered a moment too late
        leg("agent", 1001.0, 1002.9, 1100.0),
        leg("customer", 1003.0, 1010.0, 1100.0),
    ]
    found = moments_of(ended_job(legs=[legs], bridged_at=1010.0))
    assert found.talk_s == 90.0


def test_a_leg_without_an_end_talked_until_the_job_ended() -> None:
    legs = [leg("agent", 1001.0, 1003.0, None), leg("customer", 1003.0, 1010.0, None)]
    assert moments_of(ended_job(legs=[legs], bridged_at=1010.0)).talk_s == 90.0


def test_whose_callback_it_was() -> None:
    alice = OfferRecord(agent="alice", offered=1.0, result="no_answer")
    bob = OfferRecord(agent="bob", offered=2.0, answered=3.0, result="answered")
    carol = OfferRecord(agent="carol", offered=4.0)
    assert ended_job(agent="dave").agent == "dave"
    assert ended_job(offers=[alice, bob, carol]).agent == "bob"
    assert ended_job(offers=[alice, carol]).agent == "carol"


def test_when_it_was_due() -> None:
    assert due_at(ended_job()) == 1000.0
    assert due_at(ended_job(not_before=1200.0)) == 1200.0
    assert due_at(ended_job(not_before=900.0)) == 1000.0


def test_the_row_and_its_body() -> None:
    legs = [leg("agent", 1001.0, 1003.0, 1100.0), leg("customer", 1003.0, 1010.0, 1100.0)]
    job = ended_job(
        legs=[legs], bridged_at=1010.0, queue="sales", agent=None, site="shop.example",
        context={"page": "/cart"}, deadline=2000.0,
        offers=[OfferRecord(agent="bob", queue="sales", offered=1000.5, answered=1003.0)],
    )  # fmt: skip
    stay = Stay("j1/7", "j1", "callback", "support", 1000.0)
    cost = {"amount": 0.25, "currency": "EUR", "legs": []}
    row = row_of(job, moments_of(job), [stay], cost)
    assert (row["queue"], row["agent"], row["site"]) == ("support", "bob", "shop.example")
    assert (row["talk_s"], row["cost"], row["currency"]) == (90.0, 0.25, "EUR")
    assert (row["deadline"], row["due_at"], row["attempts"]) == (2000.0, 1000.0, 1)
    body = msgspec.json.decode(row["body"])
    assert body["cost"] == cost
    assert body["context"] == {"page": "/cart"}
    assert body["attempts"][0]["legs"][1]["answered"] == 1010.0
    assert body["offers"][0]["agent"] == "bob"
    assert body["stays"][0]["queue"] == "support"
    assert body["alone_s"] == [0.0]
    (answer,) = answer_rows(job, moments_of(job))
    assert answer == {
        "leg": "customer-1003", "record": "j1", "site": "shop.example", "answered_at": 1010.0,
        "alone_s": 0.0,
    }  # fmt: skip


def test_a_site_is_text() -> None:
    assert site_of({"site": "shop.example"}) == "shop.example"
    assert site_of({"site": 7}) is None
    assert site_of(None) is None

"""How long answers are kept, and served."""

import pytest

from sip.transport.dns.cache import LONGEST_NEGATIVE_S, LONGEST_S, STALE_S, Cache, Question
from sip.transport.dns.records import Answer, Kind

NAME: Question = ("pbx.example", "A")
FOUND = Answer(("192.0.2.1",), 100.0)
NONE = Answer((), 1_000.0)


def test_an_answer_is_kept_for_its_time() -> None:
    cache = Cache()
    assert cache.fresh(NAME, 0.0) is None
    cache.store(NAME, FOUND, 0.0)
    assert cache.fresh(NAME, 99.9) == FOUND
    assert cache.fresh(NAME, 100.0) is None


def test_it_ages_before_its_time_is_over() -> None:
    cache = Cache()
    assert not cache.is_ageing(NAME, 0.0)
    cache.store(NAME, FOUND, 0.0)
    assert not cache.is_ageing(NAME, 79.0)
    assert cache.is_ageing(NAME, 80.0)


def test_an_old_answer_is_known_for_a_day() -> None:
    cache = Cache()
    cache.store(NAME, FOUND, 0.0)
    assert cache.stale(NAME, 100.0 + STALE_S - 1) == FOUND
    assert cache.stale(NAME, 100.0 + STALE_S) is None


@pytest.mark.parametrize(
    ("answer", "kept_s"),
    [
        (Answer(("192.0.2.1",), 2**31), LONGEST_S),
        (NONE, LONGEST_NEGATIVE_S),
        (Answer(("192.0.2.1",), 0.0), 0.0),
        (Answer(("192.0.2.1",), -5.0), 0.0),
    ],
)
def test_times_are_bounded(answer: Answer, kept_s: float) -> None:
    cache = Cache()
    cache.store(NAME, answer, 0.0)
    assert cache.fresh(NAME, kept_s) is None
    assert kept_s == 0.0 or cache.fresh(NAME, kept_s - 0.1) == answer


def test_that_a_name_has_gone_is_not_made_good_by_an_older_answer() -> None:
    cache = Cache()
    cache.store(NAME, FOUND, 0.0)
    cache.store(NAME, NONE, 200.0)
    assert cache.fresh(NAME, 201.0) == NONE
    assert cache.stale(NAME, 900.0) is None


@pytest.mark.parametrize(("kind", "rests_s"), [("A", 5.0), ("NAPTR", 60.0)])
def test_a_question_without_an_answer_rests(kind: Kind, rests_s: float) -> None:
    cache, question = Cache(), ("pbx.example", kind)
    cache.store_failure(question, "no answer", 0.0)
    assert cache.failure(question, rests_s - 0.1) == "no answer"
    assert cache.failure(question, rests_s) is None
    cache.store_failure(question, "no answer", 10.0)
    cache.store(question, FOUND, 11.0)
    assert cache.failure(question, 11.0) is None


def test_the_memory_is_bounded_and_what_is_used_stays() -> None:
    cache = Cache(most=100)
    cache.store(NAME, FOUND, 0.0)
    for number in range(1_000):
        assert cache.fresh(NAME, 1.0) == FOUND
        cache.store((f"host{number}.example", "A"), FOUND, 0.0)
        cache.store_failure((f"host{number}.example", "AAAA"), "no answer", 0.0)
    assert len(cache) == 100
    assert len(cache._failures) == 100

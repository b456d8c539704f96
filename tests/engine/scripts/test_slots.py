"""The times that callers are offered, and the words for them."""

from zoneinfo import ZoneInfo

from engine.scripts.slots import next_beginning, slot_of

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = 1767600000.0  # 2026-01-05 09:00 in Berlin


def test_slot_in_the_words_of_a_language() -> None:
    german = slot_of(MONDAY, 3600.0, zone=BERLIN, language="de")
    assert german.words == {"from": "09:00", "until": "10:00", "day": "Montag"}
    english = slot_of(MONDAY, 1800.0, zone=BERLIN, language="")
    assert english.words["day"] == "Monday"
    assert english.words["until"].replace("\u202f", " ") == "9:30 AM"


def test_slots_begin_at_whole_lengths_of_the_local_day() -> None:
    assert next_beginning(MONDAY, 3600.0, BERLIN) == MONDAY
    assert next_beginning(MONDAY + 1, 3600.0, BERLIN) == MONDAY + 3600.0
    midnight = MONDAY + 15 * 3600.0
    # The last slot of a day does not reach into the next one.
    assert next_beginning(midnight - 3600.0, 7 * 3600.0, BERLIN) == midnight

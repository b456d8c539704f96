"""What is in memory of the event log, while its blocks are made, opened and dropped."""

from hypothesis import given
from hypothesis import strategies as st

from engine.store.kept_events import BLOCK, LINE_BEGIN, LINE_END, Event, KeptEvents


def event(seq: int, text: str = "") -> Event:
    return Event(
        seq, f"leg.{seq % 7}", LINE_BEGIN + b'{"seq":%d}%b' % (seq, text.encode()) + LINE_END
    )


def kept(count: int, first: int = 1) -> KeptEvents:
    found = KeptEvents()
    for seq in range(first, first + count):
        found.append(event(seq))
    return found


def test_nothing_is_kept_at_first() -> None:
    assert (len(kept(0)), kept(0).oldest, list(kept(0).after(0))) == (0, None, [])


@given(
    count=st.integers(1, 5 * BLOCK),
    dropped=st.integers(0, 5 * BLOCK),
    more=st.integers(0, BLOCK),
    after=st.integers(0, 7 * BLOCK),
)
def test_whatever_is_in_blocks_the_events_after_any_number_are_there(
    count: int, dropped: int, more: int, after: int
) -> None:
    found = kept(count, first=100)
    dropped = min(dropped, count - 1)
    for _ in range(dropped):
        found.drop_oldest()
    for seq in range(100 + count, 100 + count + more):
        found.append(event(seq))
    wanted = [event(seq) for seq in range(100 + dropped, 100 + count + more)]
    assert (len(found), found.oldest) == (len(wanted), wanted[0].seq)
    assert list(found.after(after)) == [one for one in wanted if one.seq > after]
    assert found.size_bytes == sum(len(one.line) for one in wanted)


def test_all_may_be_dropped() -> None:
    found = kept(3 * BLOCK)
    for _ in range(3 * BLOCK):
        found.drop_oldest()
    assert (len(found), found.size_bytes, list(found.after(0))) == (0, 0, [])


def test_an_event_is_replaced_wherever_it_is() -> None:
    found = kept(4 * BLOCK)
    found.drop_oldest()
    for seq in (1, 2, BLOCK + 1, 2 * BLOCK, 4 * BLOCK, 4 * BLOCK + 1):
        found.replace(event(seq, "erased"))
    erased = [one.seq for one in found.after(0) if b"erased" in one.line]
    assert erased == [2, BLOCK + 1, 2 * BLOCK, 4 * BLOCK]
    assert [one.seq for one in found.after(0)] == list(range(2, 4 * BLOCK + 1))
    assert found.size_bytes == sum(len(one.line) for one in found.after(0))


def test_events_in_blocks_take_a_fifth_of_their_size_at_most() -> None:
    found = kept(4 * BLOCK)
    lines = sum(len(one.line) for one in found.after(0))
    assert sum(map(len, found._blocks)) < lines / 5

"""Messages are followed as they come, all of them or those about a number."""

import asyncio

from engine.trace.following import Following, Found
from engine.trace.trace import Trace
from tests.support.traces import AGENT, OURS, STRANGER, AnyCall, leg, request, response, trace
from tests.support.virtual_loop import run


async def no_pause() -> None:
    pass


def following_of(kept: Trace, number: str | None = None) -> Following:
    return Following(kept, number, lambda _job: None, no_pause)


async def followed(following: Following, after: int, wait_s: float = 0, limit: int = 100) -> Found:
    return await following.after(await following.wait(after, wait_s=wait_s), limit)


def lines(found: Found) -> list[tuple[str, str | None]]:
    """The method or status of each message, and its leg."""
    return [
        (
            one.located["message"].data.split(b" ")[0].decode(),
            one.located["where"]["leg"],
        )
        for one in found.messages
    ]


def test_what_came_since_a_number_is_there_at_once() -> None:
    async def main() -> None:
        kept = trace()
        kept.sent(request("OPTIONS", "before"), AGENT, OURS)
        following = following_of(kept)
        after = kept.number
        kept.sent(request("INVITE", "a"), AGENT, OURS)
        kept.belongs(AnyCall("c1"), leg("leg-a", call_id="a"))
        kept.received(request("REGISTER", "strange"), STRANGER, OURS)
        found = await followed(following, after)
        assert lines(found) == [("INVITE", "leg-a"), ("REGISTER", None)]
        assert found.newest == kept.number
        assert (await followed(following, found.newest)).messages == []

    run(main())


def test_it_waits_for_the_next_and_takes_what_comes_with_it() -> None:
    async def main() -> None:
        kept = trace()
        waiting = asyncio.create_task(followed(following_of(kept), 0, wait_s=20))
        await asyncio.sleep(5)
        kept.received(request("INVITE", "in"), STRANGER, OURS)
        await asyncio.sleep(0.01)
        kept.belongs(AnyCall("c1", direction="inbound"), leg("leg-1", call_id="in"))
        kept.sent(response("100 Trying", "in"), STRANGER, OURS)
        found = await waiting
        assert lines(found) == [("INVITE", "leg-1"), ("SIP/2.0", "leg-1")]

    run(main())


def test_what_comes_while_it_looks_is_not_waited_for() -> None:
    async def main() -> None:
        kept = trace()
        kept.received(request("INVITE", "of-another"), STRANGER, OURS)
        coming = [request("INVITE", "wanted").replace(b"+442079460000", b"+442079460002")]

        async def pause() -> None:
            if coming:
                kept.received(coming.pop(), STRANGER, OURS)

        following = Following(kept, "+442079460002", lambda _job: None, pause)
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await followed(following, 0, wait_s=40)
        assert lines(found) == [("INVITE", None)] and loop.time() == began

    run(main())


def test_it_gives_up_after_its_time() -> None:
    async def main() -> None:
        kept = trace()
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await followed(following_of(kept), 0, wait_s=7)
        assert found.messages == [] and loop.time() - began == 7

    run(main())


def test_with_a_number_all_legs_of_its_calls_are_followed_and_nothing_else() -> None:
    async def main() -> None:
        kept = trace()
        call = AnyCall("c1", about={"number": "+442079460000"})
        other = AnyCall("c2", about={"number": "+15551234567"})
        plain = request("INVITE", "a").replace(b"+442079460000", b"x")
        for one, call_id in ((call, "a"), (other, "b")):
            kept.sent(plain.replace(b"Call-ID: a", b"Call-ID: " + call_id.encode()), AGENT, OURS)
            kept.belongs(one, leg(f"leg-{call_id}", call_id=call_id))
        kept.received(request("INVITE", "refused"), STRANGER, OURS)  # From has the number
        kept.received(plain.replace(b"Call-ID: a", b"Call-ID: z"), STRANGER, OURS)
        found = await followed(following_of(kept, "02079460000"), 0)
        assert [one.located["where"]["leg"] for one in found.messages] == ["leg-a", None]

    run(main())


def test_a_number_of_an_earlier_engine_begins_anew() -> None:
    async def main() -> None:
        kept = trace()
        kept.sent(request("OPTIONS", "now"), AGENT, OURS)
        found = await followed(following_of(kept), 10_000)
        assert len(found.messages) == 1

    run(main())


def test_the_first_messages_are_found_page_by_page_in_order_and_none_twice() -> None:
    async def main() -> None:
        kept = trace()
        for number in range(60):
            kept.sent(request("INVITE", f"call-{number % 7}"), AGENT, OURS)
        following, number, found = following_of(kept), 0, []
        while page := await followed(following, number, limit=3):
            if not page.messages:
                break
            assert len(page.messages) <= 3
            found += [one.located["message"].number for one in page.messages]
            number = page.newest
        assert found == list(range(1, 61))

    run(main())


def test_what_comes_while_a_page_is_made_is_on_the_next() -> None:
    async def main() -> None:
        kept = trace()

        async def more() -> None:
            kept.sent(request("INVITE", "a"), AGENT, OURS)
            kept.sent(request("INVITE", "b"), AGENT, OURS)

        kept.sent(request("INVITE", "a"), AGENT, OURS)
        found = await Following(kept, None, lambda _job: None, more).after(0, 100)
        assert [one.located["message"].number for one in found.messages] == [1]
        assert found.newest == 1

    run(main())


def test_the_wait_ends_before_the_message_that_it_waited_for() -> None:
    async def main() -> None:
        kept = trace()
        following = following_of(kept, "+442079460000")
        waiting = asyncio.create_task(following.wait(0, wait_s=20))
        await asyncio.sleep(1)
        kept.received(request("OPTIONS", "other").replace(b"+442079460000", b"bob"), STRANGER, OURS)
        await asyncio.sleep(1)
        assert not waiting.done()
        kept.received(request("INVITE", "in"), STRANGER, OURS)
        assert await waiting == 1
        assert lines(await following.after(1, 100)) == [("INVITE", None)]

    run(main())

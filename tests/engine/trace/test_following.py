"""Messages are followed as they come, all of them or those about a number."""

import asyncio

from engine.trace.following import Following, Found
from tests.support.traces import AGENT, OURS, STRANGER, AnyCall, leg, request, response, trace
from tests.support.virtual_loop import run


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
        following = Following(kept, None, lambda _job: None)
        after = kept.number
        kept.sent(request("INVITE", "a"), AGENT, OURS)
        kept.belongs(AnyCall("c1"), leg("leg-a", call_id="a"))
        kept.received(request("REGISTER", "strange"), STRANGER, OURS)
        found = await following.after(after, wait_s=0)
        assert lines(found) == [("INVITE", "leg-a"), ("REGISTER", None)]
        assert found.newest == kept.number
        assert (await following.after(found.newest, wait_s=0)).messages == []

    run(main())


def test_it_waits_for_the_next_and_takes_what_comes_with_it() -> None:
    async def main() -> None:
        kept = trace()
        waiting = asyncio.create_task(Following(kept, None, lambda _job: None).after(0, wait_s=20))
        await asyncio.sleep(5)
        kept.received(request("INVITE", "in"), STRANGER, OURS)
        await asyncio.sleep(0.01)
        kept.belongs(AnyCall("c1", direction="inbound"), leg("leg-1", call_id="in"))
        kept.sent(response("100 Trying", "in"), STRANGER, OURS)
        found = await waiting
        assert lines(found) == [("INVITE", "leg-1"), ("SIP/2.0", "leg-1")]

    run(main())


def test_it_gives_up_after_its_time() -> None:
    async def main() -> None:
        kept = trace()
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await Following(kept, None, lambda _job: None).after(0, wait_s=7)
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
        following = Following(kept, "02079460000", lambda _job: None)
        found = await following.after(0, wait_s=0)
        assert [one.located["where"]["leg"] for one in found.messages] == ["leg-a", None]

    run(main())


def test_a_number_of_an_earlier_engine_begins_anew() -> None:
    async def main() -> None:
        kept = trace()
        kept.sent(request("OPTIONS", "now"), AGENT, OURS)
        found = await Following(kept, None, lambda _job: None).after(10_000, wait_s=0)
        assert len(found.messages) == 1

    run(main())

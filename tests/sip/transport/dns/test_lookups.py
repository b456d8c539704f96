"""Questions about names: asked once, answered from what is known while nobody answers."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sip.transport.dns.cache import Cache
from sip.transport.dns.hosts_file import HostsFile
from sip.transport.dns.lookups import LIMIT_S, MOST_QUESTIONS, NOT_LONGER_S, Lookups
from sip.transport.dns.records import Answer, Kind, NameServiceError
from tests.support import virtual_loop

T = TypeVar("T")
NO_FILE = HostsFile("/nonexistent")


class Service:
    """A name service that answers 192.0.2.N to the Nth question, after `takes_s`; None: never."""

    def __init__(self, *, ttl_s: float = 10.0) -> None:
        self.takes_s: float | None = 0.0
        self.ttl_s = ttl_s
        self.gone = False
        self.asked: list[tuple[str, Kind]] = []

    async def ask(self, name: str, kind: Kind, limit_s: float) -> Answer:
        self.asked.append((name, kind))
        await asyncio.sleep(3_600.0 if self.takes_s is None else self.takes_s)
        if self.gone:
            return Answer((), self.ttl_s)
        address = f"192.0.2.{len(self.asked)}" if kind == "A" else f"2001:db8::{len(self.asked)}"
        return Answer((address,), self.ttl_s)


def run(main: Coroutine[Any, Any, T]) -> T:
    return virtual_loop.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_an_answer_holds_for_its_time() -> None:
    service = Service()

    async def main() -> list[str]:
        lookups, found = Lookups(service.ask, NO_FILE), []
        for after_s in (0.0, 5.0, 6.0):
            await asyncio.sleep(after_s)
            found += await lookups.addresses("pbx.example", ["A"])
        return found

    assert run(main()) == ["192.0.2.1", "192.0.2.1", "192.0.2.2"]


def test_one_question_a_name_however_many_ask() -> None:
    service = Service()
    service.takes_s = 1.0

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        asking = [lookups.addresses(name, ["A"]) for name in ["pbx.example", "PBX.example."] * 20]
        assert await asyncio.gather(*asking) == [["192.0.2.1"]] * 40

    run(main())
    assert service.asked == [("pbx.example", "A")]


def test_an_answer_without_time_to_live_is_used_once() -> None:
    service = Service(ttl_s=0.0)

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        asking = [lookups.addresses("pbx.example", ["A"]) for _ in range(10)]
        assert await asyncio.gather(*asking) == [["192.0.2.1"]] * 10
        assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.2"]

    run(main())
    assert len(service.asked) == 2


def test_a_waiter_who_gives_up_takes_no_answer_from_others() -> None:
    service = Service()
    service.takes_s = 1.0

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        first = asyncio.ensure_future(lookups.addresses("pbx.example", ["A"]))
        second = asyncio.ensure_future(lookups.addresses("pbx.example", ["A"]))
        await asyncio.sleep(0.5)
        first.cancel()
        assert await second == ["192.0.2.1"]

    run(main())


def test_an_old_answer_is_served_while_the_name_is_not_answered() -> None:
    service = Service()

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        await lookups.addresses("pbx.example", ["A"])
        service.takes_s = None
        await asyncio.sleep(60.0)
        began = now()
        assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.1"]
        assert now() - began == pytest.approx(NOT_LONGER_S)
        await asyncio.sleep(LIMIT_S)
        began = now()
        for _ in range(10):  # it has failed, and is not asked for again at once
            assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.1"]
        assert now() == began
        assert lookups.stale_served == 11
        service.takes_s = 0.0
        await asyncio.sleep(10.0)
        assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.3"]
        await lookups.close()

    run(main())


def test_a_name_that_never_answered_fails_in_time_and_then_at_once() -> None:
    service = Service()
    service.takes_s = None

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        for took_s in (LIMIT_S, 0.0):
            began = now()
            with pytest.raises(NameServiceError, match="no answer from the name service"):
                await lookups.addresses("pbx.example", ["A"])
            assert now() - began == pytest.approx(took_s)

    run(main())
    assert len(service.asked) == 1


def test_a_name_that_has_gone_has_no_address() -> None:
    service = Service()

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        assert await lookups.addresses("pbx.example", ["A"])
        service.gone = True
        await asyncio.sleep(60.0)
        assert await lookups.addresses("pbx.example", ["A"]) == []

    run(main())


def test_a_name_in_use_is_asked_for_before_its_time_is_over() -> None:
    service = Service()

    async def main() -> None:
        lookups = Lookups(service.ask, NO_FILE)
        await lookups.addresses("pbx.example", ["A"])
        service.takes_s = 1.0
        await asyncio.sleep(8.5)
        began = now()
        assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.1"]
        assert now() == began
        await asyncio.sleep(1.0)
        assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.2"]

    run(main())


def test_one_family_does_not_wait_for_the_other() -> None:
    class OneFamily(Service):
        async def ask(self, name: str, kind: Kind, limit_s: float) -> Answer:
            self.takes_s = None if kind == "AAAA" else 0.0
            return await super().ask(name, kind, limit_s)

    async def main() -> None:
        lookups = Lookups(OneFamily().ask, NO_FILE)
        (found,) = await lookups.addresses("pbx.example")
        assert found.startswith("192.0.2.")
        assert now() == pytest.approx(NOT_LONGER_S)
        await lookups.close()

    run(main())


def test_both_families_come_in_the_order_of_the_kinds() -> None:
    async def main() -> list[list[str]]:
        lookups = Lookups(Service().ask, NO_FILE)
        kinds: list[list[Kind]] = [["A", "AAAA"], ["AAAA", "A"]]
        return [await lookups.addresses("pbx.example", order) for order in kinds]

    first, second = run(main())
    assert (":" in first[0], ":" in second[0]) == (False, True)
    assert sorted(first) == sorted(second)


def test_the_hosts_file_goes_before_the_name_service(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.77 pbx.example\n::1 pbx.example\n")
    service = Service()

    async def main() -> None:
        lookups = Lookups(service.ask, HostsFile(str(tmp_path / "hosts")))
        assert await lookups.addresses("pbx.example") == ["192.0.2.77", "::1"]
        assert await lookups.addresses("pbx.example", ["A"]) == ["192.0.2.77"]

    run(main())
    assert service.asked == []


def test_questions_under_way_are_bounded() -> None:
    service = Service()
    service.takes_s = None

    async def main() -> int:
        lookups = Lookups(service.ask, NO_FILE, Cache())
        asking = [
            asyncio.ensure_future(lookups.addresses(f"host{number}.example", ["A"]))
            for number in range(MOST_QUESTIONS + 50)
        ]
        await asyncio.sleep(0.1)
        refused = [one for one in asking if one.done()]
        await lookups.close()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(result, NameServiceError) for result in results)
        return len(refused)

    assert run(main()) == 50
    assert len(service.asked) == MOST_QUESTIONS

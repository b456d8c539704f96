"""Talks from a page: what the engine is asked, and what visitors are told of them afterwards."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from ringback_client import Client, ConnectionLost
from tests.support.sites import site
from tests.support.virtual_loop import run
from tests.web.test_callback_service import ScriptedClient, error
from web.engine_requests import EngineRequests
from web.errors import Refusal
from web.talk_service import TalkService
from web.visitor_request import TalkForm

ID = "talk-1"
NO_FORM = TalkForm()


def record(**more: Any) -> dict[str, Any]:
    context = {"caller": "visitor", "dialled": "shop.example", "page": "/prices", "name": "Ann"}
    given = {
        "id": ID, "created": 1.0, "ended_at": 9.0, "talk_at": 2.0, "state": "completed",
        "rating": None, "context": context,
    }  # fmt: skip
    return given | more


def service(client: ScriptedClient) -> TalkService:
    return TalkService(EngineRequests(cast(Client, client)))


async def admitted(of: TalkService, form: TalkForm = NO_FORM) -> dict[str, Any]:
    ids = iter((ID, "talk-2"))
    return await of.admit(lambda: next(ids), site(), form, "192.0.2.7", "https://shop.example")


def refused(client: ScriptedClient, act: Callable[[TalkService], Any]) -> Refusal:
    async def script() -> None:
        await act(service(client))

    with pytest.raises(Refusal) as caught:
        run(script())
    return caught.value


def test_the_call_of_a_talk_has_its_public_id() -> None:
    async def script() -> None:
        client = ScriptedClient(browser_admit=[{"token": "t"}])
        form = TalkForm(name="Ann\u202e")
        found = await admitted(service(client), form)
        assert found == {"token": "t", "id": ID}
        ((_method, asked),) = client.asked
        assert next(iter(asked)) == "id"  # an audit entry that is cut has it still
        assert (asked["id"], asked["queue"], asked["name"]) == (ID, "sales", "Ann")

    run(script())


def test_a_talk_whose_answer_was_lost_is_admitted_under_another_id() -> None:
    async def script() -> None:
        replies = [ConnectionLost("gone"), error("conflict", "id"), {"token": "t"}]
        client = ScriptedClient(browser_admit=replies)
        assert await admitted(service(client)) == {"token": "t", "id": "talk-2"}
        assert [asked["id"] for _method, asked in client.asked] == [ID, ID, "talk-2"]

    run(script())
    for replies, reason in (
        ([error("conflict", "id")], "engine"),
        ([error("unavailable")], "busy"),
        ([error("conflict", "id"), error("unavailable")], "busy"),
    ):
        client = ScriptedClient(browser_admit=list(replies))
        refusal = refused(client, admitted)
        assert (refusal.status, refusal.reason) == (503, reason)
        assert len(client.asked) == (1 if replies[0].kind == "unavailable" else 2)


@pytest.mark.parametrize(
    ("reply", "stage"),
    [
        (error("not_found"), "queued"),
        (error("refused"), "queued"),
        (record(), "completed"),
        (record(state="failed", talk_at=None), "failed"),
    ],
)
def test_how_far_a_talk_is(reply: Any, stage: str) -> None:
    async def script() -> None:
        progress = await service(ScriptedClient(record_get=[reply])).progress(ID)
        assert (progress["id"], progress["stage"]) == (ID, stage)

    run(script())


def test_a_talk_is_rated_once_there_was_one() -> None:
    async def script() -> None:
        client = ScriptedClient(record_get=[record()], callback_annotate=[{}])
        await service(client).rate(ID, 8)
        assert client.asked[-1] == ("callback.annotate", {"id": ID, "rating": 8})

    run(script())
    for reply in (record(talk_at=None), error("not_found")):
        refusal = refused(ScriptedClient(record_get=[reply]), lambda of: of.rate(ID, 8))
        assert (refusal.status, refusal.reason) == (409, "no_talk")


def test_what_is_kept_of_a_talk_is_what_the_page_has_told() -> None:
    async def script() -> None:
        items = [
            {"kind": "event", "data": {"type": "call.incoming", "time": 1.0, "agent": "anna"}},
            {"kind": "recording", "data": {"bytes": 80}},
        ]
        client = ScriptedClient(
            record_get=[record()], person_export=[{"items": items, "cursor": None}]
        )
        kept = await service(client).kept(ID)
        assert kept["context"] == {"page": "/prices", "name": "Ann"}
        assert kept["events"] == [{"type": "call.incoming", "time": 1.0}]
        assert (kept["to"], kept["recorded_bytes"], kept["state"]) == (None, 80, "completed")
        assert client.asked[-1] == ("person.export", {"call": ID, "cursor": None})
        assert await service(ScriptedClient(record_get=[error("not_found")])).kept(ID) == {"id": ID}

    run(script())


def test_a_talk_is_erased_once_it_is_over() -> None:
    async def script() -> None:
        client = ScriptedClient(person_erase=[{}])
        await service(client).erase(ID)
        assert client.asked[-1] == ("person.erase", {"call": ID})

    run(script())
    for reply, status, reason in (
        (error("state"), 409, "not_over"),
        (error("unavailable"), 503, "engine"),
        (error("refused", "number"), 503, "engine"),
    ):
        refusal = refused(ScriptedClient(person_erase=[reply]), lambda of: of.erase(ID))
        assert (refusal.status, refusal.reason) == (status, reason)


def test_of_a_talk_that_never_began_the_request_is_erased_and_nothing_cancelled() -> None:
    async def script() -> None:
        for reply in (error("not_found", "call"), error("refused", "call", role="operate")):
            client = ScriptedClient(record_get=[reply], person_erase=[reply, {}])
            await service(client).erase(ID)
            assert [whose for _method, whose in client.asked] == [{"call": ID}, {"request": ID}]

    run(script())
    refusal = refused(ScriptedClient(), lambda of: of.cancel(ID))
    assert (refusal.status, refusal.reason) == (409, "over")
    refusal = refused(ScriptedClient(record_get=[error("unavailable")]), lambda of: of.kept(ID))
    assert (refusal.status, refusal.reason) == (503, "engine")

"""Who may only request sees their own jobs, and who acts for sites sees those of the sites."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.rights import Right
from config.settings import Settings
from engine.callbacks.intake import Owner
from engine.calls.call import Call
from engine.calls.leg import Leg
from engine.control.method_roles import NoRight
from engine.control.methods.call_control import BridgeRequest, Originate
from engine.control.methods.persons import PersonErase, PersonExport
from engine.control.methods.records import Annotation
from engine.control.params import CallRef, JobRef
from engine.control.rights import Principal
from engine.control.scope.job_scope import MOST_REMEMBERED, JobScope
from engine.errors import EngineError
from engine.request import CallbackRequest
from engine.store.event_log import EventLog
from engine.store.kept_events import Event
from ringback_client import Client
from ringback_client import EngineError as Refused
from tests.support.engines.in_process import RunningEngine, running

FORM = Principal("form", "request")
SHOP = Principal("shop", "operate", sites=frozenset({"shop.example"}))
TWO = Principal("two", "read", sites=frozenset({"a.example", "b.example"}))
BOTH = Principal("form", "request", sites=frozenset({"shop.example"}))

OWNERS = {
    "form-job": Owner("form", "shop.example"),
    "other-job": Owner("root", "shop.example"),
    "elsewhere": Owner("form", "elsewhere.example"),
    "by-key": Owner(None, None),
}


def scope(principal: Principal) -> JobScope:
    return JobScope(principal, OWNERS.get)


@pytest.mark.parametrize(
    ("principal", "seen"),
    [
        (FORM, {"form-job", "elsewhere"}),
        (SHOP, {"form-job", "other-job"}),
        (BOTH, {"form-job"}),
        (TWO, set()),
    ],
)
def test_whose_a_job_is(principal: Principal, seen: set[str]) -> None:
    under_test = scope(principal)
    for job in (*OWNERS, "none"):
        if job in seen:
            under_test.check("callback.get", JobRef(id=job))
            assert under_test.sees_view("job", {"id": job})
            continue
        with pytest.raises(NoRight) as refused:
            under_test.check("callback.get", JobRef(id=job))
        assert refused.value.message == f"{principal.name} may do that for its own jobs only"
        assert not under_test.sees_view("job", {"id": job})


def test_who_may_only_request_means_a_number() -> None:
    asked = CallbackRequest(to="alice", agent="bob")
    assert scope(FORM).amend("callback.request", asked).to_kind == "number"
    chosen = CallbackRequest(to="alice", agent="bob", to_kind="any")
    assert scope(FORM).amend("callback.request", chosen).to_kind == "any"
    assert scope(SHOP).amend("callback.request", asked).to_kind is None


def test_the_only_site_of_a_client_is_that_of_its_requests() -> None:
    asked = CallbackRequest(to="+442079460123", queue="sales")
    assert scope(SHOP).amend("callback.request", asked).site == "shop.example"
    with pytest.raises(EngineError, match=r"one of a\.example, b\.example"):
        scope(TWO).amend("callback.request", asked)
    said = CallbackRequest(to="+442079460123", queue="sales", context={"site": "a.example"})
    assert scope(TWO).amend("callback.request", said) is said
    assert scope(FORM).amend("callback.request", asked).site is None


@pytest.mark.parametrize("given", [{"site": "x.example"}, {"context": {"site": "x.example"}}])
def test_a_request_for_another_site_is_refused(given: dict[str, Any]) -> None:
    asked = CallbackRequest(to="+442079460123", queue="sales", **given)
    with pytest.raises(NoRight, match=r"may not act for the site 'x\.example'"):
        scope(SHOP).check("callback.request", asked)
    scope(FORM).check("callback.request", asked)


def test_what_a_client_hears_of_a_job_that_its_request_joined() -> None:
    view = {
        "id": "other-job", "state": "queued", "requested_by": "root", "site": "shop.example",
        "replayed": False, "joined_to": "other-job", "context": {"name": "Secret"},
    }  # fmt: skip
    assert scope(FORM).narrowed("callback.request", view) == {
        "id": "other-job", "state": "queued", "replayed": False, "joined_to": "other-job",
    }  # fmt: skip
    assert scope(SHOP).narrowed("callback.request", view) == view
    replayed = {name: value for name, value in view.items() if name != "joined_to"}
    with pytest.raises(EngineError) as refused:
        scope(FORM).narrowed("callback.request", replayed | {"replayed": True})
    assert (refused.value.kind, refused.value.field) == ("conflict", "id")


def test_lists_have_nothing_of_others() -> None:
    jobs = [{"id": job} for job in OWNERS]
    shown = scope(FORM).narrowed("callback.list", {"jobs": jobs, "cursor": "c"})
    assert shown == {"jobs": [{"id": "form-job"}, {"id": "elsewhere"}], "cursor": "c"}
    calls = [
        {"call": "1", "job": "form-job"},
        {"call": "2", "job": None, "context": {"site": "shop.example"}},
        {"call": "3", "job": None, "context": {}},
    ]
    listed = scope(SHOP).narrowed("call.list", {"calls": calls})
    assert [one["call"] for one in listed["calls"]] == ["1", "2"]
    records = [{"id": "r", "site": "shop.example"}, {"id": "s", "site": None}]
    assert scope(SHOP).narrowed("record.list", {"records": records}) == {"records": records[:1]}
    with pytest.raises(EngineError, match="there is no record s"):
        scope(SHOP).narrowed("record.get", records[1])
    assert scope(SHOP).narrowed("ping", {"version": 1}) == {"version": 1}
    for about, reason in (
        ({"call": "c", "job": None, "site": "x.example"}, "there is no call c"),
        ({"call": "c", "job": "elsewhere", "site": "x.example"}, "for its own jobs only"),
    ):
        with pytest.raises((EngineError, NoRight), match=reason):
            scope(SHOP).narrowed("trace.explain", about)


def test_the_record_of_another_is_as_if_there_were_none() -> None:
    scope(FORM).check("record.get", JobRef(id="form-job"))
    with pytest.raises(EngineError, match="there is no record other-job"):
        scope(FORM).check("record.get", JobRef(id="other-job"))


def test_a_snapshot_shows_what_is_the_clients() -> None:
    assert scope(FORM).sees_view("job", {"id": "form-job"})
    assert not scope(FORM).sees_view("job", {"id": "other-job"})
    assert not scope(FORM).sees_view("agent", {"agent": "alice"})


def test_events_of_others_are_not_seen() -> None:
    log = EventLog(epoch="e")
    told: list[Event] = []
    log.listen(told.append)
    for fields in (
        {"job": "form-job"},
        {"job": "by-key"},
        {"call": "c", "context": {"site": "shop.example"}},
        {"agent": "alice"},
    ):
        log.publish("x", **fields)
    assert [scope(FORM).sees(event) for event in told] == [True, False, False, False]
    assert [scope(SHOP).sees(event) for event in told] == [True, False, True, False]


def test_a_call_that_is_up_is_somebodys() -> None:
    with pytest.raises(NoRight):
        scope(SHOP).check("call.hangup", CallRef(call="none"))
    with pytest.raises(NoRight):
        scope(SHOP).check("call.get", CallRef(leg="none"))


def test_only_so_many_jobs_are_remembered() -> None:
    under_test = JobScope(FORM, lambda job: Owner("form", job))
    for number in range(MOST_REMEMBERED + 1):
        assert under_test.sees_view("job", {"id": str(number)})
    assert len(under_test._known) == MOST_REMEMBERED


# -- through the socket -------------------------------------------------------------------------

TOKEN = "0123456789abcdef-%s"


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[RunningEngine]:
    rights = [
        Right.model_validate({"name": name, "token": TOKEN % name, **rest})
        for name, rest in (
            ("form", {"role": "request"}),
            ("shop", {"role": "operate", "sites": ["shop.example"]}),
        )
    ]
    async with running(settings.model_copy(update={"rights": rights})) as pair:
        yield pair


async def of(engine: RunningEngine, name: str) -> Client:
    client = await Client.connect(str(engine.daemon.settings.control.socket))
    await client.call("auth", token=TOKEN % name)
    return client


def asked(number: str, **more: Any) -> dict[str, Any]:
    return {"to": number, "agent": "alice", "not_before": 4e9} | more


async def test_a_form_asks_and_sees_what_it_asked_for(engine: RunningEngine) -> None:
    root = engine.client
    other = await root.call("callback.request", **asked("+442079460111", context={"name": "X"}))
    assert other["requested_by"] not in ("form", None)
    async with await of(engine, "form") as form, form.events() as events:
        mine = await form.call("callback.request", **asked("020 7946 0123", id="mine"))
        assert (mine["requested_by"], mine["to"]) == ("form", "+442079460123")
        assert (await anext(aiter(events)))["job"] == "mine"
        assert [one["id"] for one in (await form.call("callback.list"))["jobs"]] == ["mine"]
        assert (await form.call("callback.get", id="mine"))["id"] == "mine"
        joined = await form.call("callback.request", **asked("+442079460111", id="also"))
        assert joined["joined_to"] == other["id"] and "context" not in joined
        assert "context" not in await form.call("callback.get", id="also")
        for method, params in (
            ("callback.get", {"id": other["id"]}),
            ("callback.get", {"id": "none"}),
            ("callback.cancel", {"id": "mine"}),
            ("call.list", {}),
            ("number.check", {"number": "+442079460123"}),
            ("agent.list", {}),
        ):
            with pytest.raises(Refused) as refused:
                await form.call(method, **params)
            assert refused.value.kind == "refused", method
        for text in ("alice", "sip:alice@127.0.0.1", "2001", "112"):
            with pytest.raises(Refused) as refused:
                await form.call("callback.request", **asked(text))
            assert (refused.value.kind, refused.value.field) == ("refused", "to")
        with pytest.raises(Refused) as refused:
            await form.call("callback.request", **asked("+442079460111", id=other["id"]))
        assert refused.value.kind == "conflict"


async def test_a_site_has_its_own_jobs(engine: RunningEngine) -> None:
    root = engine.client
    other = await root.call("callback.request", **asked("+442079460111", site="other.example"))
    same = await root.call("callback.request", **asked("+442079460112", site="shop.example"))
    async with await of(engine, "shop") as shop:
        mine = await shop.call("callback.request", **asked("+442079460123"))
        assert mine["site"] == "shop.example"
        listed = (await shop.call("callback.list"))["jobs"]
        assert {one["id"] for one in listed} == {mine["id"], same["id"]}
        cancelled = await shop.call("callback.cancel", id=same["id"])
        assert cancelled["state"] == "cancelled"
        records = (await shop.call("record.list"))["records"]
        assert [one["id"] for one in records] == [same["id"]]
        report = await shop.call("report.site")
        assert {row["site"] for row in report["rows"]} <= {"shop.example"}
        for method, params in (
            ("callback.cancel", {"id": other["id"]}),
            ("callback.request", asked("+442079460124", site="other.example")),
            ("report.site", {"site": "other.example"}),
            ("report.queue", {}),
            ("history.get", {"number": "+442079460111"}),
            ("agent.pause", {"agent": "alice"}),
        ):
            with pytest.raises(Refused) as refused:
                await shop.call(method, **params)
            assert refused.value.kind == "refused", method


def test_calls_by_command_are_those_of_its_sites() -> None:
    def call(call_id: str, site: str) -> Call:
        made = Call(call_id, None, about={"context": {"site": site}})
        made.legs.append(cast(Leg, SimpleNamespace(id=f"leg-of-{call_id}", record=None)))
        return made

    calls = {one.id: one for one in (call("ours", "shop.example"), call("theirs", "x.example"))}
    shop = JobScope(SHOP, OWNERS.get, calls)
    asked = shop.amend("call.originate", Originate(to="alice"))
    assert asked.site == "shop.example"
    shop.check("call.originate", asked)
    shop.check("call.hold", CallRef(call="ours"))
    shop.check("call.hold", CallRef(leg="leg-of-ours"))
    for method, params in (
        ("call.originate", Originate(to="alice", site="x.example")),
        ("call.originate", Originate(to="alice", context={"site": "x.example"})),
        ("call.originate", Originate(to="alice", site="shop.example", beside="leg-of-theirs")),
        ("call.bridge", BridgeRequest(leg="leg-of-ours", with_="leg-of-theirs")),
        ("call.hold", CallRef(leg="leg-of-theirs")),
        ("call.answer", CallRef(call="theirs")),
    ):
        with pytest.raises(NoRight):
            shop.check(method, params)


def test_a_gateway_rates_and_ends_its_own_jobs_alone() -> None:
    gateway = Principal("web", "gateway")
    mine = JobScope(gateway, {"mine": Owner("web", None), "theirs": Owner("root", None)}.get)
    for method in ("callback.cancel", "callback.reschedule", "callback.annotate"):
        gateway.check(method)
    mine.check("callback.cancel", JobRef(id="mine"))
    with pytest.raises(NoRight):
        mine.check("callback.cancel", JobRef(id="theirs"))
    mine.check("callback.annotate", Annotation(id="mine", rating=4))
    with pytest.raises(NoRight, match="rating alone"):
        mine.check("callback.annotate", Annotation(id="mine", notes="hello"))
    with pytest.raises(NoRight, match="rating alone"):
        mine.check("callback.annotate", Annotation(id="mine", rating=4, outcome="sold"))
    with pytest.raises(NoRight):
        gateway.check("queue.get")


def test_a_gateway_has_its_own_jobs_erased_and_nobody_by_their_number() -> None:
    gateway = Principal("web", "gateway")
    mine = JobScope(gateway, {"mine": Owner("web", None), "theirs": Owner("root", None)}.get)
    for method, params in (("person.erase", PersonErase), ("person.export", PersonExport)):
        gateway.check(method)
        mine.check(method, params(job="mine"))
        others: list[dict[str, Any]] = [{"job": "theirs"}, {"job": "none"}, {"number": "+44207"}]
        for wanted in others:
            with pytest.raises(NoRight):
                mine.check(method, params(**wanted))
        asked = mine.amend(method, params(request="any", who="root"))
        assert asked.who == "web"
        mine.check(method, asked)
    shown = {"number": "+44", "items": [{"kind": "job"}, {"kind": "audit"}], "cursor": None}
    assert mine.narrowed("person.export", shown)["items"] == [{"kind": "job"}]

"""Each client has the scope of who they are."""

from engine.control.rights import Principal
from engine.control.scope.job_scope import JobScope
from engine.control.scope.scopes import Scopes
from engine.store.event_log import EventLog
from engine.store.kept_events import Event


def test_who_sees_everything_has_no_scope() -> None:
    assert Scopes().of(Principal("root", "administer")) is None
    assert Scopes().of(Principal("wallboard", "read")) is None


def test_who_sees_a_part_has_one() -> None:
    scopes = Scopes()
    assert isinstance(scopes.of(Principal("form", "request")), JobScope)
    some = Principal("shop", "read", sites=frozenset({"shop.example"}))
    assert isinstance(scopes.of(some), JobScope)


def test_an_agents_scope_is_that_of_the_agent() -> None:
    scope = Scopes().of(Principal("alice-screen", "none", "alice"))
    assert scope is not None
    assert scope.amend("agent.get", "params") == "params"
    shown = scope.narrowed(
        "agent.list", {"agents": [{"agent": "alice"}, {"agent": "bob"}], "cursor": None}
    )
    assert shown["agents"] == [{"agent": "alice"}]
    assert scope.sees_view("agent", {"agent": "alice"})
    assert not scope.sees_view("agent", {"agent": "bob"})
    log = EventLog(epoch="e")
    told: list[Event] = []
    log.listen(told.append)
    log.publish("agent.paused", agent="alice")
    assert scope.sees(told[0])

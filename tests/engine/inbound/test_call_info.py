"""What is known of a call: the rules go before the route, the route before the defaults."""

from typing import Any

from config.inbound import Inbound as Route
from engine.inbound.call_info import InboundCallInfo
from engine.inbound.caller.caller_id import CallingParty
from engine.routing.rules import Ruling

BOB = CallingParty("+442079461111", "sip:b@pbx", number="+442079461111", region="GB", name="Bob")
ROUTE = Route(
    name="shop", queue="sales", priority=5, skills={"german": 2}, record=True,
    whisper="A caller of {context.site}", context={"site": "shop", "caller": "a forged one"},
)  # fmt: skip


def call(route: Route = ROUTE, **ruling: Any) -> InboundCallInfo:
    return InboundCallInfo(
        call="call-1", route=route, trunk="pbx", party=BOB, dialled="+442079460000",
        default_whisper="For {to}", ruling=Ruling(**ruling),
    )  # fmt: skip


def test_the_route_says_what_no_rule_says() -> None:
    incoming = call()
    assert (incoming.queue, incoming.agent, incoming.priority) == ("sales", None, 5)
    assert incoming.skills == {"german": 2} and incoming.is_recorded
    assert incoming.whisper == "A caller of shop"
    assert incoming.context == {
        "site": "shop", "caller": BOB.user, "caller_name": "Bob", "dialled": "+442079460000",
    }  # fmt: skip


def test_rules_go_before_the_route() -> None:
    incoming = call(queue="gold", priority=0, skills={"german": 9}, record=False, whisper="{id}")
    assert (incoming.queue, incoming.priority, incoming.is_recorded) == ("gold", 0, False)
    assert incoming.skills == {"german": 9} and incoming.whisper == "call-1"


def test_a_call_for_one_agent_is_kept_for_them_in_its_queue() -> None:
    incoming = call(agent="alice", known_agent="bert")
    assert (incoming.queue, incoming.agent) == ("sales", "alice")
    waiting = incoming.waiting(7.0)
    assert (waiting["queue"], waiting["known_agent"], waiting["known_agent_s"]) == (
        "sales", "alice", 30.0,
    )  # fmt: skip
    assert call(known_agent="bert").waiting(7.0)["known_agent_s"] is None


def test_the_default_whisper_is_the_last_resort() -> None:
    assert call(Route(name="shop", queue="sales")).whisper == f"For {BOB.user}"


def test_what_the_other_side_sends_along_is_in_the_context() -> None:
    incoming = InboundCallInfo(
        call="call-1", route=ROUTE, trunk="pbx", party=BOB, dialled="+1", user_to_user="order-17"
    )
    assert incoming.context["user_to_user"] == "order-17"

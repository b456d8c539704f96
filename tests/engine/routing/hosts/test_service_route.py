"""The ways to a trunk: its hosts, and the Service-Route of the one that registered us."""

from typing import Any

import pytest

from config.agents import Agent
from config.sections import Route, Trunk
from engine.errors import EngineError
from engine.routing.dialplan import Dialplan
from engine.routing.hosts.service_route import TrunkRoute, routes_by
from engine.routing.hosts.trunk_hosts import TrunkHost
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.permitted_host import sip_uri
from engine.routing.targets.destination import DialTarget
from engine.routing.trunk_states import AllTrunksUp
from sip.events import Binding
from sip.hop import Hop

ONE = TrunkHost("sip:one.example", sip_uri("sip:example.com"), "sip:one.example")
TWO = TrunkHost("sip:two.example", sip_uri("sip:example.com"), "sip:two.example")
HOP = Hop("udp", "192.0.2.2", 5060)
EDGE, HOME = "<sip:edge.example:5070;lr>", "<sip:home.example;lr>"


def test_without_a_service_route_every_host_is_a_way() -> None:
    plain = [TrunkRoute(ONE, ONE.sent_to, ()), TrunkRoute(TWO, TWO.sent_to, ())]
    assert routes_by([ONE, TWO], None) == plain
    assert routes_by([ONE, TWO], Binding(TWO.name, HOP)) == plain


def test_the_host_that_gave_a_service_route_is_first() -> None:
    first, second = routes_by([ONE, TWO], Binding(TWO.name, HOP, (EDGE, HOME)))
    assert first == TrunkRoute(TWO, "sip:edge.example:5070;lr", (EDGE, HOME), HOP)
    assert second == TrunkRoute(ONE, ONE.sent_to, ())


def test_a_service_route_follows_what_is_configured() -> None:
    proxied = TrunkHost(
        "sip:example.com", sip_uri("sip:example.com"), "sip:proxy.example",
        ("<sip:proxy.example;lr>",),
    )  # fmt: skip
    (way,) = routes_by([proxied], Binding("sip:example.com", HOP, (HOME,)))
    assert way == TrunkRoute(proxied, "sip:proxy.example", ("<sip:proxy.example;lr>", HOME))
    # The registrar may name the proxy that we go by anyway.
    (way,) = routes_by(
        [proxied], Binding("sip:example.com", HOP, ("<sip:proxy.example:5060;lr>", HOME))
    )
    assert way.route == ("<sip:proxy.example;lr>", HOME)


# -- as the dialplan takes them ------------------------------------------------------------------


class States(AllTrunksUp):
    """Trunks of which these hosts are down, and this one is registered."""

    def __init__(self, down: set[str], binding: Binding | None) -> None:
        self.down, self.bound = down, binding

    def is_host_down(self, _name: str, host: str) -> bool:
        return host in self.down

    def binding(self, _name: str) -> Binding | None:
        return self.bound


def plan(
    *down: str, binding: Binding | None = None, phone: str = "sip:a@127.0.0.1", **more: Any
) -> Dialplan:
    trunk = {"name": "carrier", "users": "[a-z]+", **more}
    return Dialplan(
        trunks=[Trunk.model_validate(trunk)],
        routes=[Route(prefix="+", trunks=["carrier"])],
        agents=[Agent(name="alice", uri=phone)],
        allow_hosts=["127.0.0.1"],
        plan=NumberPlan("GB"),
        trunk_states=States(set(down), binding),
    )


SEVERAL = [{"host": "one.example"}, {"host": "two.example", "priority": 2}]
NUMBER = "+442079460123"


def the_target(dialplan: Dialplan, text: str = NUMBER) -> DialTarget:
    (target,) = dialplan.destination(text, field="to").targets
    return target


def test_a_number_goes_to_the_hosts_of_its_trunk() -> None:
    target = the_target(plan(uri="sip:example.com", hosts=SEVERAL))
    (other,) = target.others
    for one, host in ((target, "sip:one.example"), (other, "sip:two.example")):
        assert one.target == f"sip:{NUMBER}@example.com"
        assert (one.host, one.hop_uri, one.trunk, one.route) == (host, host, "carrier", ())
    assert target.identity.host == "example.com"


def test_a_host_that_is_down_is_passed_over() -> None:
    target = the_target(plan("sip:one.example", uri="sip:example.com", hosts=SEVERAL))
    assert (target.host, target.others) == ("sip:two.example", ())


def test_without_a_name_of_its_own_each_host_is_asked_for_what_it_is() -> None:
    target = the_target(plan(hosts=SEVERAL))
    assert target.target == f"sip:{NUMBER}@one.example"
    assert target.others[0].target == f"sip:{NUMBER}@two.example"
    assert target.others[0].identity.host == "two.example"


def test_a_number_goes_by_the_outbound_proxy_and_the_service_route() -> None:
    binding = Binding("sip:example.com", HOP, (EDGE,))
    target = the_target(plan(uri="sip:example.com", outbound_proxy="proxy.example"))
    assert (target.hop_uri, target.route) == ("sip:proxy.example", ("<sip:proxy.example;lr>",))
    target = the_target(plan(uri="sip:example.com", binding=binding))
    assert (target.hop_uri, target.route) == ("sip:edge.example:5070;lr", (EDGE,))
    assert target.named_by == HOP
    target = the_target(
        plan(uri="sip:example.com", outbound_proxy="proxy.example", binding=binding)
    )
    assert target.route == ("<sip:proxy.example;lr>", EDGE)
    assert (target.hop_uri, target.named_by) == ("sip:proxy.example", None)


@pytest.mark.parametrize("uri", ["sip:bob@example.com", "sip:bob@EXAMPLE.com:5060"])
def test_a_uri_at_the_name_of_a_trunk_goes_where_its_requests_go(uri: str) -> None:
    target = the_target(plan(uri="sip:example.com", hosts=SEVERAL), uri)
    assert (target.target, target.hop_uri, target.trunk) == (uri, "sip:one.example", None)
    assert target.others[0].hop_uri == "sip:two.example"
    assert target.others[0].target == uri
    proxied = plan(uri="sip:example.com", outbound_proxy="proxy.example", phone=uri)
    (phone,) = proxied.destination("alice", field="agent").targets
    assert (phone.target, phone.hop_uri) == (uri, "sip:proxy.example")
    assert phone.route == ("<sip:proxy.example;lr>",)


def test_a_uri_at_one_host_goes_there() -> None:
    target = the_target(plan(uri="sip:example.com", hosts=SEVERAL), "sip:bob@two.example")
    assert (target.hop_uri, target.route, target.others) == ("sip:bob@two.example", (), ())


@pytest.mark.parametrize("host", ["example.com", "one.example", "two.example", "proxy.example"])
def test_every_host_of_a_trunk_dials_digits_so_that_the_policy_holds_for_all(host: str) -> None:
    dialplan = plan(uri="sip:example.com", hosts=SEVERAL, outbound_proxy="proxy.example")
    assert dialplan.destination(f"sip:bob@{host}", field="to").user == "bob"
    for user in ("999", "112", "0"):
        with pytest.raises(EngineError) as caught:
            dialplan.destination(f"sip:{user}@{host}", field="to")
        assert caught.value.kind == "refused"


def test_the_proxy_of_a_305_takes_the_place_of_every_way() -> None:
    dialplan = plan(uri="sip:example.com", hosts=SEVERAL)
    (by_proxy,) = dialplan.redirected("sip:one.example", the_target(dialplan))
    assert (by_proxy.hop_uri, by_proxy.others) == ("sip:one.example", ())
    assert by_proxy.route == ("<sip:one.example;lr>",)

"""Which parties may be dialled, by which ways, and what is refused."""

from collections.abc import Sequence

import pytest

from config.agents import Address, Agent
from config.sections import Route, Trunk
from config.streams import Fallback
from config.values import Codec
from engine.errors import EngineError
from engine.routing.blocking.do_not_call import Blocked, DoNotCall
from engine.routing.dialplan import Dialplan
from engine.routing.media_policy import MediaPolicy
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.targets.stream_target import StreamFallback
from engine.routing.trunk_states import AllTrunksUp, TrunksFull

ALICE = Agent(name="alice", uri="sip:alice@192.0.2.7:5080")


class States(AllTrunksUp):
    """Trunks of which `usable` alone may be used, and `resting` are passed over."""

    def __init__(
        self, usable: set[str] | None, resting: set[str], full: set[str] | None = None
    ) -> None:
        self._usable, self._resting, self._full = usable, resting, full or set()

    def is_full(self, name: str) -> bool:
        return name in self._full

    def is_usable(self, name: str) -> bool:
        return self._usable is None or name in self._usable

    def is_resting(self, name: str) -> bool:
        return name in self._resting


def plan(
    usable: set[str] | None = None,
    agents: Sequence[Agent] = (ALICE,),
    resting: set[str] | None = None,
    do_not_call: DoNotCall | None = None,
    full: set[str] | None = None,
) -> Dialplan:
    return Dialplan(
        trunks=[
            Trunk(name="one", uri="sip:127.0.0.1:5071;transport=tcp", caller_id="+441632960000"),
            Trunk.model_validate(
                {"name": "two", "uri": "sip:10.9.8.7", "username": "u", "password": "p"}
            ),
        ],
        routes=[
            Route(prefix="+44", trunks=["one", "two"]),
            Route(prefix="+4", trunks=["two"]),
            Route(prefix="20", trunks=["one"]),
        ],
        agents=agents,
        allow_hosts=["127.0.0.1", "PBX.example", "[::1]"],
        plan=NumberPlan("GB"),
        trunk_states=States(usable, resting if resting is not None else set(), full),
        do_not_call=do_not_call,
    )


def test_a_trunk_that_is_full_is_passed_over() -> None:
    targets = plan(full={"one"}).destination("020 7946 0000", field="to").targets
    assert [target.trunk for target in targets] == ["two"]


def test_where_every_trunk_is_full_a_number_is_not_dialled_now() -> None:
    full = plan(full={"one", "two"})
    with pytest.raises(TrunksFull, match=r"every trunk for \+442079460000 is full") as caught:
        full.destination("020 7946 0000", field="to")
    assert (caught.value.kind, caught.value.field) == ("unavailable", "to")
    assert isinstance(full.no_trunk_for("+442079460000", trunk=None), TrunksFull)
    assert isinstance(full.no_trunk_for("+442079460000", trunk="two"), TrunksFull)
    assert plan(full={"one"}).no_trunk_for("+442079460000", trunk=None) is None


def test_a_number_in_national_form_goes_to_its_routes_trunks_in_order() -> None:
    destination = plan().destination("020 7946 0000", field="to")
    assert destination.user == "+442079460000"
    assert [way.trunk for way in destination.targets] == ["one", "two"]
    first, second = destination.targets
    assert first.target == "sip:+442079460000@127.0.0.1:5071;transport=tcp"
    assert first.hop_uri == "sip:127.0.0.1:5071;transport=tcp"
    assert first.caller_id == "+441632960000"
    assert first.credentials is None
    assert second.credentials is not None
    assert second.identity.host == "10.9.8.7"


def test_the_first_matching_route_wins() -> None:
    assert [way.trunk for way in plan().destination("+493012345678", field="to").targets] == ["two"]


def test_an_extension_is_dialled_as_written() -> None:
    destination = plan().destination("2001", field="to")
    assert destination.targets[0].target.startswith("sip:2001@")


def test_one_trunk_can_be_asked_for() -> None:
    destination = plan().destination("+442079460000", field="to", trunk="two")
    assert [way.trunk for way in destination.targets] == ["two"]


def test_an_agents_name() -> None:
    destination = plan().destination("alice", field="agent")
    assert [way.target for way in destination.targets] == ["sip:alice@192.0.2.7:5080"]


def test_who_is_called_at_a_trunk_is_called_with_its_credentials() -> None:
    agents = [
        Agent(name="bob", uri="sip:bob@10.9.8.7"),
        Agent.model_validate(
            {"name": "carol", "uri": "sip:carol@10.9.8.7", "username": "c", "password": "s"}
        ),
    ]
    dialplan = plan(agents=agents)

    def username(party: str) -> str | None:
        (way,) = dialplan.destination(party, field="agent").targets
        assert way.target == way.hop_uri
        return None if way.credentials is None else way.credentials.username

    assert username("sip:200@10.9.8.7") == username("sip:200@10.9.8.7:5060") == "u"
    assert username("bob") == "u"
    assert username("carol") == "c"
    for elsewhere in ("sip:200@127.0.0.1:5071", "sip:200@pbx.example"):
        assert username(elsewhere) is None


@pytest.mark.parametrize(
    "uri",
    [
        "sip:bob@127.0.0.1:5090",
        "SIP:bob@pbx.EXAMPLE",
        "sip:bob@[::1]:5060",
        "sip:bob@10.9.8.7",
        "sip:127.0.0.1",
        "sip:bob@127.0.0.1;transport=TCP",
    ],
)
def test_uris_at_permitted_hosts(uri: str) -> None:
    assert [way.target for way in plan().destination(uri, field="to").targets] == [uri]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sip:bob@evil.example", "dial.allow_hosts"),
        ("sip:bob@127.0.0.1;maddr=evil.example", "maddr"),
        ("sip:bob@10.9.8.7:5061", "'10.9.8.7' is not in dial.allow_hosts"),
        ("sip:bob@127.0.0.1:22", "port 22;transport=udp of '127.0.0.1'"),
        ("sip:bob@127.0.0.1:6379;transport=tcp", "port 6379;transport=tcp"),
        ("sip:bob@127.0.0.1;phone-context=+44", "'phone-context', which could change who"),
        ("sip:bob@127.0.0.1;method=MESSAGE", "'method', which could change who"),
        ("sip:+442079460000@10.9.8.7;x-route=1", "'x-route', which could change who"),
        ("sip:+442079460000;rn=+441632960001@10.9.8.7", "in its user part"),
        ("sip:bob:1@127.0.0.1", "a password, which could change who"),
        ("sip:bob@127.0.0.1?Route=%3Csip:evil.example%3E", "headers"),
        ("sips:bob@127.0.0.1:443", "port 443;transport=tls"),
        ("sips:bob@127.0.0.1;transport=udp", "its transport is not supported"),
        ("sip:bob@127.0.0.1:5060;transport=tls", "port 5060;transport=tls"),
        ("sip:bob@127.0.0.1;transport=ws", "its transport is not supported"),
        ("sip:bob@127.0.0.1\r\nX-Evil: 1", ""),
        ("sip:", ""),
        ("not a number", "neither"),
        ("12", "neither"),
        ("+", "neither"),
        ("+44207946000000000000", "neither"),
        ("+1 650 253 0000", "no route"),
        ("+1 650 253 0000 ext. 5", "neither"),
        ("alice2", "neither"),
        ("", "neither"),
    ],
)
def test_what_is_refused_says_why_and_names_the_field(text: str, why: str) -> None:
    with pytest.raises(EngineError) as caught:
        plan().destination(text, field="to")
    assert caught.value.kind == "refused"
    assert caught.value.field == "to"
    assert why in caught.value.message


async def test_a_blocked_number_is_dialled_for_nobody() -> None:
    """Not as a customer, an agent, nor as the outside number of a queue."""
    do_not_call = DoNotCall()
    await do_not_call.block(Blocked(number="+442079460000", reason="asked us", since=0.0))
    dialplan = plan(do_not_call=do_not_call)
    dialplan.set_agent("bob", [Address(uri="02079460000")])
    for text in ("020 7946 0000", "sip:02079460000@10.9.8.7", "sip:x02079460000@127.0.0.1", "bob"):
        with pytest.raises(EngineError) as caught:
            dialplan.destination(text, field="to")
        assert caught.value.data["policy"] == "do_not_call", text
    with pytest.raises(EngineError):
        dialplan.check_address("020 7946 0000", field="uri")


def test_an_unknown_trunk_is_refused() -> None:
    with pytest.raises(EngineError, match="no trunk named 'three'") as caught:
        plan().destination("+442079460000", field="to", trunk="three")
    assert caught.value.field == "trunk"


def test_trunks_out_of_order_are_passed_over() -> None:
    destination = plan({"two"}).destination("+442079460000", field="to")
    assert [way.trunk for way in destination.targets] == ["two"]


def test_no_usable_trunk_is_unavailable() -> None:
    with pytest.raises(EngineError) as caught:
        plan(set()).destination("+442079460000", field="to")
    assert caught.value.kind == "unavailable"


def test_an_agents_addresses_in_their_order() -> None:
    dialplan = plan()
    addresses = [
        Address(uri="sip:alice@desk.example", kind="desk", ring_s=12.0),
        Address(uri="+447700900123", kind="mobile"),
    ]
    dialplan.set_agent("alice", addresses)
    desk, mobile = dialplan.agent_destinations("alice")
    assert (desk.targets[0].target, desk.ring_s, desk.kind) == (
        "sip:alice@desk.example",
        12.0,
        "desk",
    )
    assert (mobile.kind, mobile.ring_s, mobile.agent) == ("mobile", None, "alice")
    assert [way.trunk for way in mobile.targets] == ["one", "two"]
    assert mobile.targets[0].target.startswith("sip:+447700900123@")
    assert dialplan.destination("alice", field="agent") == desk


def test_an_address_whose_trunks_are_down_is_left_out() -> None:
    dialplan = plan(usable=set())
    mobile = Address(uri="+447700900123", kind="mobile")
    dialplan.set_agent("alice", [mobile, Address(uri="sip:alice@desk.example")])
    assert [one.kind for one in dialplan.agent_destinations("alice")] == ["desk"]
    dialplan.set_agent("alice", [mobile])
    with pytest.raises(EngineError, match="usable") as raised:
        dialplan.agent_destinations("alice")
    assert raised.value.kind == "unavailable"


def test_an_agent_without_an_address_and_an_unknown_agent() -> None:
    dialplan = plan()
    dialplan.set_agent("alice", [])
    with pytest.raises(EngineError, match="no address"):
        dialplan.destination("alice", field="agent")
    dialplan.forget_agent("alice")
    with pytest.raises(EngineError) as raised:
        dialplan.agent_destinations("alice")
    assert raised.value.kind == "not_found"


@pytest.mark.parametrize("text", ["sip:x@evil.example", "+15551230000", "nobody"])
def test_an_address_that_an_agent_may_not_be_given(text: str) -> None:
    with pytest.raises(EngineError) as raised:
        plan(usable=set()).check_address(text, field="uri")
    assert raised.value.kind == "refused"


@pytest.mark.parametrize("text", ["sip:x@127.0.0.1:5080", "SIP:x@pbx.example", "+442079460000"])
def test_an_address_that_an_agent_may_be_given(text: str) -> None:
    plan(usable=set()).check_address(text, field="uri")


def test_other_trunks_routes_and_hosts_hold_at_once_and_agents_stay() -> None:
    dialplan = plan()
    dialplan.configure(
        trunks=[Trunk(name="three", uri="sip:198.51.100.3")],
        routes=[Route(prefix="+1", trunks=["three"])],
        allow_hosts=["new.example"],
        plan=NumberPlan("US"),
    )
    assert dialplan.destination("(212) 736-5000", field="to").targets[0].trunk == "three"
    assert dialplan.destination("alice", field="agent").user == "alice"
    assert dialplan.destination("sip:bob@new.example", field="to").user == "bob"
    for gone in ("+442079460000", "sip:bob@pbx.example"):
        with pytest.raises(EngineError, match=r"no route|not in dial.allow_hosts"):
            dialplan.destination(gone, field="to")
    with pytest.raises(EngineError, match="no trunk named 'one'"):
        dialplan.destination("+12127365000", field="to", trunk="one")


def test_a_trunk_that_rests_is_passed_over_where_there_is_another() -> None:
    resting = {"one"}
    dialplan = plan(resting=resting)
    ways = dialplan.destination("020 7946 0000", field="to").targets
    assert [way.trunk for way in ways] == ["two"]
    resting.add("two")
    ways = dialplan.destination("020 7946 0000", field="to").targets
    assert [way.trunk for way in ways] == ["one", "two"]


def test_the_media_policy_is_that_of_the_trunk_or_the_agent() -> None:
    careful = Agent(name="bob", uri="sip:bob@192.0.2.8", rtp="strict", srtp="offered")
    trunk = Trunk(name="one", uri="sip:127.0.0.1:5071", rtp="strict", srtp="required")
    of_agent, of_trunk = MediaPolicy("strict", "offered"), MediaPolicy("strict", "required")
    dialplan = plan(agents=[ALICE, careful])
    assert dialplan.destination("bob", field="to").targets[0].media == of_agent
    assert dialplan.destination("alice", field="to").targets[0].media == MediaPolicy()
    dialplan.configure(
        trunks=[trunk],
        routes=[Route(prefix="+44", trunks=["one"])],
        allow_hosts=[],
        plan=NumberPlan("GB"),
    )
    assert dialplan.destination("020 7946 0000", field="to").targets[0].media == of_trunk
    assert dialplan.destination("sip:x@127.0.0.1:5071", field="to").targets[0].media == of_trunk
    assert dialplan.media_policy_of("one") == of_trunk
    assert dialplan.media_policy_of("gone") == MediaPolicy()


@pytest.mark.parametrize("user", ["a112", "c911"])
def test_a_name_with_an_emergency_number_is_for_phones_of_agents_that_no_trunk_dials(
    user: str,
) -> None:
    phone, at_trunk = f"sip:{user}@127.0.0.1:5080", f"sip:{user}@10.9.8.7"
    plan().check_address(phone, field="uri", is_configured=True)
    for text, check in (
        (phone, lambda text: plan().destination(text, field="uri")),
        (at_trunk, lambda text: plan().destination(text, field="uri")),
        (at_trunk, lambda text: plan().check_address(text, field="uri", is_configured=True)),
    ):
        with pytest.raises(EngineError, match="emergency number"):
            check(text)
    (found,) = plan(agents=[Agent(name="bob", uri=phone)]).agent_destinations("bob")
    assert found.targets[0].target == phone
    with pytest.raises(EngineError, match="emergency number"):
        plan(agents=[Agent(name="bob", uri=at_trunk)]).agent_destinations("bob")


class TestRedirections:
    """What a 3xx leads to is dialled as what a request names."""

    def test_a_number_goes_by_its_route(self) -> None:
        (target, *_) = plan().redirected("tel:+442079460000", None)
        assert (target.target, target.trunk) == (
            "sip:+442079460000@127.0.0.1:5071;transport=tcp",
            "one",
        )

    def test_a_uri_at_a_permitted_host(self) -> None:
        (target,) = plan().redirected("sip:carol@127.0.0.1:5090", None)
        assert target.target == "sip:carol@127.0.0.1:5090"

    @pytest.mark.parametrize(
        "uri",
        [
            "sip:carol@192.0.2.66",
            "sip:carol@127.0.0.1;maddr=192.0.2.66",
            "sip:carol@127.0.0.1?Replaces=x",
            "tel:+449091234567",
            "tel:112",
            "mailto:carol@example.com",
            "*",
        ],
    )
    def test_what_nobody_may_ask_for(self, uri: str) -> None:
        with pytest.raises(EngineError) as refused:
            plan().redirected(uri, None)
        assert refused.value.kind == "refused"

    def test_a_proxy(self) -> None:
        (target, *_) = plan().destination("+442079460000", field="to").targets
        (by_proxy,) = plan().redirected("sip:127.0.0.1:5099", target)
        assert by_proxy.target == target.target
        assert (by_proxy.hop_uri, by_proxy.route) == (
            "sip:127.0.0.1:5099",
            ("<sip:127.0.0.1:5099;lr>",),
        )
        with pytest.raises(EngineError):
            plan().redirected("sip:192.0.2.66", target)

    def test_a_proxy_that_is_reached_by_tls_alone_stays_so(self) -> None:
        own = Dialplan(
            trunks=[], routes=[], agents=[], allow_hosts=["sbc.example;transport=tls"],
            plan=NumberPlan("GB"),
        )  # fmt: skip
        (target,) = own.destination("sip:bob@sbc.example;transport=tls", field="to").targets
        (by_proxy,) = own.redirected("sips:sbc.example", target)
        assert by_proxy.route == ("<sips:sbc.example;lr>",)

    def test_the_policies_of_a_trunk_hold_for_uris_at_it(self) -> None:
        trunks = [
            Trunk(name="t", uri="sip:127.0.0.1:5071", session_expires_s=90, early_media="ignore")
        ]
        dialplan = plan()
        dialplan.configure(trunks=trunks, routes=[], allow_hosts=[], plan=NumberPlan("GB"))
        (target,) = dialplan.destination("sip:carol@127.0.0.1:5071", field="to").targets
        assert (target.session_expires_s, target.plays_early_media) == (90, False)
        assert dialplan.session_expires_s("t", 1800) == 90
        assert dialplan.session_expires_s(None, 1800) == 1800


@pytest.mark.parametrize("text", ["sip:bob@127.0.0.1", "sip:+442079460000@127.0.0.1"])
def test_what_was_read_is_read_anew_by_another_configuration(text: str) -> None:
    dialplan = plan()
    assert dialplan.read(text) == dialplan.read(text)
    dialplan.configure(trunks=[], routes=[], allow_hosts=[], plan=NumberPlan("GB"))
    with pytest.raises(EngineError, match="allow_hosts"):
        dialplan.read(text)


def test_where_a_uri_leads_is_found_anew_by_another_configuration() -> None:
    dialplan, text = plan(), "sip:bob@127.0.0.1:5080"
    (before,) = dialplan.destination(text, field="to").targets
    assert dialplan.destination(text, field="to").targets == (before,)
    assert (before.target, before.session_expires_s) == (text, None)
    trunks = [Trunk(name="t", uri="sip:127.0.0.1:5080", session_expires_s=90)]
    dialplan.configure(trunks=trunks, routes=[], allow_hosts=[], plan=NumberPlan("GB"))
    (after,) = dialplan.destination(text, field="to").targets
    assert (after.target, after.session_expires_s) == (text, 90)
    dialplan.configure(trunks=[], routes=[], allow_hosts=[], plan=NumberPlan("GB"))
    with pytest.raises(EngineError, match="allow_hosts"):
        dialplan.destination(text, field="to")


async def test_a_number_that_is_blocked_meanwhile_is_refused_in_a_uri_too() -> None:
    do_not_call = DoNotCall()
    dialplan, text = plan(do_not_call=do_not_call), "sip:+442079460000@127.0.0.1"
    assert dialplan.destination(text, field="to").targets[0].target == text
    await do_not_call.block(Blocked(number="+442079460000", reason="asked us", since=0.0))
    with pytest.raises(EngineError) as refused:
        dialplan.destination(text, field="to")
    assert refused.value.data["policy"] == "do_not_call"


def test_a_number_is_read_anew_by_another_number_plan() -> None:
    dialplan = plan()
    assert dialplan.read("020 7946 0000").digits == "+442079460000"
    dialplan.configure(trunks=[], routes=[], allow_hosts=[], plan=NumberPlan("DE"))
    assert dialplan.read("020 7946 0000", region="GB").digits == "+442079460000"
    assert dialplan.read("030 901820").digits == "+4930901820"


@pytest.mark.parametrize(
    ("text", "why"), [("sip:alice@127.0.0.1", "says that it is one"), ("2001", "it is a number")]
)
def test_what_must_be_a_number_and_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(EngineError, match=why) as refused:
        plan().read_number(text, field="to")
    assert (refused.value.kind, refused.value.field) == ("refused", "to")


def test_a_user_at_a_trunk_that_is_not_there() -> None:
    with pytest.raises(EngineError, match="no trunk named 'none'") as refused:
        plan().at_trunk("2001", "none")
    assert (refused.value.kind, refused.value.field) == ("refused", "trunk")


def test_whose_an_address_is() -> None:
    assert plan().agent_at("sip:alice@192.0.2.7:5080") == "alice"
    assert plan().agent_at("sip:bob@192.0.2.7:5080") is None


def rewriting(do_not_call: DoNotCall | None = None, /, **numbers_out: object) -> Dialplan:
    trunk = {"uri": "sip:10.9.8.7", "caller_id": "+441632960000"}
    return Dialplan(
        trunks=[
            Trunk.model_validate({"name": "one", **trunk, "numbers_out": numbers_out}),
            Trunk.model_validate({"name": "two", **trunk}),
        ],
        routes=[Route(prefix="+44", trunks=["one", "two"]), Route(prefix="+", trunks=["one"])],
        agents=(ALICE,),
        allow_hosts=[],
        plan=NumberPlan("GB"),
        do_not_call=do_not_call,
    )


def test_a_trunk_is_sent_the_number_as_it_wants_it_and_everything_else_knows_it_in_full() -> None:
    one, two = rewriting(format="e164").destination("020 7946 0000", field="to").targets
    assert (one.target, one.request_uri) == (
        "sip:+442079460000@10.9.8.7",
        "sip:442079460000@10.9.8.7",
    )
    assert one.identity.shown("+441632960000", "", "h").from_uri == "sip:441632960000@10.9.8.7"
    assert two.request_uri == two.target == "sip:+442079460000@10.9.8.7"
    assert rewriting(format="e164").sent_to("020 7946 0000", "one") == (
        "442079460000",
        "441632960000",
    )


def test_a_trunk_whose_rewriting_makes_an_emergency_number_is_not_used() -> None:
    dialplan = rewriting(strip=13, prepend="112")
    targets = dialplan.destination("+442079460000", field="to").targets
    assert [target.trunk for target in targets] == ["two"]
    with pytest.raises(EngineError, match="emergency number") as caught:
        dialplan.destination("+33155555555", field="to")
    assert (caught.value.kind, caught.value.field) == ("refused", "to")
    assert caught.value.data["emergency"] is True


async def test_what_a_trunk_could_read_in_the_digits_is_asked_of_the_lists_too() -> None:
    do_not_call = DoNotCall()
    dialplan = rewriting(do_not_call, strip=12, prepend="0033155555555")
    assert dialplan.destination("+4930123456", field="to").targets
    await do_not_call.block(Blocked(number="+33155555555", reason="asked us", since=0.0))
    with pytest.raises(EngineError) as caught:
        dialplan.destination("+4930123456", field="to")
    assert caught.value.data["policy"] == "do_not_call"


def test_no_trunk_of_that_name_is_sent_anything() -> None:
    with pytest.raises(EngineError, match="no trunk named 'three'"):
        rewriting().sent_to("+442079460000", "three")


def test_a_bot_is_reached_by_its_url_which_is_shown_without_its_query() -> None:
    dialplan = plan()
    bot = Agent(
        name="bot",
        stream="wss://bots.example/voice?key=1",
        rate_hz=8000,
        fallback=Fallback(announcement="Sorry."),
    )
    dialplan.set_agent("bot", bot.reached_at)
    (destination,) = dialplan.agent_destinations("bot")
    assert (destination.agent, destination.kind) == ("bot", "bot")
    assert destination.targets[0].target == "wss://bots.example/voice"
    stream = destination.stream
    assert stream is not None and stream.url == "wss://bots.example/voice?key=1"
    assert stream.fallback is not None
    assert (stream.rate_hz, stream.fallback.text) == (8000, "announcement")
    for settings, text in (
        ({"queue": "sales"}, "sales"),
        ({"to": "+442079460123"}, "+442079460123"),
        ({"hang_up": True}, "hang_up"),
    ):
        assert StreamFallback.of(Fallback.model_validate(settings)).text == text


def test_a_phone_is_sent_to_a_number_as_its_trunk_writes_it() -> None:
    destination = rewriting(format="e164", prepend="9").destination("+442079460000", field="to")
    uri = destination.uri_for_phones("to")
    assert uri.startswith("sip:9442079460000@")


def test_browsers_have_codecs_of_their_own_or_those_of_all() -> None:
    cases: tuple[tuple[tuple[Codec, ...], tuple[str, ...], tuple[str, ...]], ...] = (
        ((), (), ()),
        (("opus", "PCMU"), (), ("opus", "PCMU")),
        (("opus", "PCMU"), ("PCMA",), ("PCMA",)),
    )
    for configured, own, wanted in cases:
        dialplan = plan()
        dialplan.set_browsers(configured)
        eve = Agent(name="eve", uri="webrtc:eve")
        dialplan.set_agent("eve", eve.reached_at, None, MediaPolicy(codecs=own))
        (destination,) = dialplan.agent_destinations("eve")
        assert destination.is_browser and destination.targets[0].media.codecs == wanted
        assert dialplan.browser_policy().codecs == configured  # a visitor's page
        assert dialplan.media_policy_of("").codecs == ()  # a desk phone of no trunk
        assert dialplan.media_policy_of("one").codecs == ()
        desk = Agent(name="eve", uri="sip:eve@127.0.0.1")
        dialplan.set_agent("eve", desk.reached_at, None, MediaPolicy(codecs=own))
        (destination,) = dialplan.agent_destinations("eve")
        assert not destination.is_browser and destination.targets[0].media.codecs == own


def test_no_phone_is_sent_to_whom_the_engine_alone_reaches() -> None:
    dialplan = plan()
    dialplan.set_agent("bot", Agent(name="bot", stream="wss://bots.example/voice").reached_at)
    dialplan.set_agent("eve", Agent(name="eve", uri="webrtc:eve").reached_at)
    for agent, what in (("bot", "service"), ("eve", "browser")):
        (destination,) = dialplan.agent_destinations(agent)
        with pytest.raises(EngineError, match=what) as caught:
            destination.uri_for_phones("agent")
        assert (caught.value.kind, caught.value.field) == ("refused", "agent")

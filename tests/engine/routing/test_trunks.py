"""Trunks and their registrations, by events of a scripted endpoint."""

import asyncio
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from config.sections import Trunk
from engine.routing.trunks import Trunks
from engine.store.event_log import EventLog
from sip.dialog.options import OptionsAnswer, OptionsTarget
from sip.endpoint import SipEndpoint
from sip.events import Binding, RegistrationChanged
from sip.hop import Hop
from sip.registration.registration import Account, Registration


class ScriptedRegistrar:
    """Takes the place of SipEndpoint; keeps the accounts it was given."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self.stopped: list[object] = []
        self.looked_up: list[str] = []
        self.down: list[tuple[object, str]] = []
        self.asked: list[OptionsTarget] = []

    async def hops(self, uri: str, _trunk: str) -> tuple[Hop, ...]:
        self.looked_up.append(uri)
        return (Hop("udp", "127.0.0.1", 5070),)

    async def ask_options(self, asked: OptionsTarget, hop: Hop) -> OptionsAnswer:
        self.asked.append(asked)
        return OptionsAnswer(200, "OK")

    def register(self, account: Account) -> Registration:
        self.accounts.append(account)
        return cast(Registration, account)

    def host_down(self, registration: Registration, host: str) -> None:
        self.down.append((registration, host))

    def unregister(self, registration: Registration) -> None:
        self.stopped.append(registration)


def trunk(name: str, **more: Any) -> Trunk:
    entry = {"name": name, "uri": "sip:pbx.example:5070;transport=udp"} | more
    return Trunk.model_validate(entry)


REGISTERING = {"register": True, "username": "ringback", "password": "secret"}


def started(*trunks: Trunk) -> tuple[Trunks, ScriptedRegistrar, EventLog]:
    registrar, events = ScriptedRegistrar(), EventLog()
    return Trunks(trunks, sip=cast(SipEndpoint, registrar), events=events), registrar, events


async def test_only_trunks_that_ask_for_it_are_registered() -> None:
    trunks, registrar, _events = started(trunk("plain"), trunk("home", **REGISTERING))
    trunks.start()
    (account,) = registrar.accounts
    assert account.aor == "sip:ringback@pbx.example"
    assert account.credentials is not None
    assert account.credentials.password == "secret"
    assert [one["state"] for one in trunks.view()] == ["static", "registering"]
    trunks.stop()
    assert registrar.stopped == [account]


async def test_a_trunk_is_not_used_while_its_registration_fails() -> None:
    trunks, registrar, events = started(trunk("home", **REGISTERING))
    trunks.start()
    assert trunks.is_usable("home")
    registration = cast(Registration, registrar.accounts[0])
    trunks.on_sip(RegistrationChanged(registration, "failed", 403, "Forbidden", 0))
    assert not trunks.is_usable("home")
    assert trunks.view()[0]["reason"] == "403 Forbidden"
    trunks.on_sip(RegistrationChanged(registration, "registered", 200, "OK", 300))
    assert trunks.is_usable("home")
    seen = [msgspec.json.decode(event.line)["params"] for event in events.after(0)]
    assert [(one["type"], one["trunk"]) for one in seen] == [
        ("trunk.failed", "home"),
        ("trunk.registered", "home"),
    ]


BINDING = Binding(
    "sip:pbx.example:5070;transport=udp",
    Hop("udp", "127.0.0.1", 5070),
    ("<sip:home.example;lr>",),
    ("<sip:edge.example;lr>",),
)


def registered(registration: Registration) -> RegistrationChanged:
    return RegistrationChanged(registration, "registered", 200, "OK", 30, BINDING)


def unregistered(registrar: ScriptedRegistrar) -> RegistrationChanged:
    return RegistrationChanged(
        cast(Registration, registrar.stopped[-1]), "unregistered", 200, "OK", 0
    )


async def test_a_refresh_is_no_change_and_another_host_is() -> None:
    trunks, registrar, events = started(trunk("home", **REGISTERING))
    trunks.start()
    registration = cast(Registration, registrar.accounts[0])
    moved = replace(BINDING, host="sip:other.example")
    for binding in (BINDING, BINDING, moved, moved):
        trunks.on_sip(replace(registered(registration), binding=binding))
        assert trunks.binding("home") == binding
    trunks.on_sip(RegistrationChanged(registration, "failed", 503, "Busy", 20))
    trunks.on_sip(replace(registered(registration), binding=moved))
    seen = [msgspec.json.decode(event.line)["params"]["type"] for event in events.after(0)]
    assert seen == ["trunk.registered"] * 3


async def test_what_has_not_changed_stays_registered() -> None:
    home = trunk("home", **REGISTERING)
    trunks, registrar, _events = started(home)
    trunks.start()
    trunks.on_sip(RegistrationChanged(cast(Registration, registrar.accounts[0]), "registered", 200,
                                      "OK", 300))  # fmt: skip
    again = trunk("home", **REGISTERING, caller_id="+441632960000")
    trunks.reconfigure([again, trunk("plain")])
    assert len(registrar.accounts) == 1
    assert registrar.stopped == []
    assert [(one["name"], one["state"]) for one in trunks.view()] == [
        ("home", "registered"), ("plain", "static")
    ]  # fmt: skip


async def test_another_account_registers_when_the_first_has_gone() -> None:
    trunks, registrar, _events = started(trunk("home", **REGISTERING))
    trunks.start()
    trunks.reconfigure([trunk("home", **REGISTERING | {"password": "other"})])
    assert registrar.stopped == [registrar.accounts[0]]
    assert len(registrar.accounts) == 1
    assert trunks.is_usable("home")
    trunks.on_sip(unregistered(registrar))
    await asyncio.sleep(0)
    assert len(registrar.accounts) == 2
    credentials = registrar.accounts[1].credentials
    assert credentials is not None
    assert credentials.password == "other"
    trunks.on_sip(RegistrationChanged(cast(Registration, registrar.accounts[1]), "registered", 200,
                                      "OK", 300))  # fmt: skip
    assert trunks.view()[0]["state"] == "registered"


async def test_a_trunk_that_is_gone_is_unregistered_and_not_used() -> None:
    trunks, registrar, events = started(trunk("home", **REGISTERING))
    trunks.start()
    trunks.reconfigure([])
    assert trunks.view() == []
    assert registrar.stopped == [registrar.accounts[0]]
    trunks.on_sip(unregistered(registrar))
    await asyncio.sleep(0)
    assert len(registrar.accounts) == 1
    seen = [event.type for event in events.after(0)]
    assert seen == ["trunk.unregistered"]
    trunks.reconfigure([trunk("home", **REGISTERING)])
    assert len(registrar.accounts) == 2


async def test_one_that_comes_back_before_it_has_gone_registers_after_it() -> None:
    trunks, registrar, _events = started(trunk("home", **REGISTERING))
    trunks.start()
    trunks.reconfigure([])
    trunks.reconfigure([trunk("home", **REGISTERING)])
    assert len(registrar.accounts) == 1
    trunks.on_sip(unregistered(registrar))
    await asyncio.sleep(0)
    assert len(registrar.accounts) == 2


async def test_a_static_trunk_begins_to_register_and_stops_to() -> None:
    trunks, registrar, _events = started(trunk("home"))
    trunks.start()
    trunks.reconfigure([trunk("home", **REGISTERING)])
    assert trunks.view()[0]["state"] == "registering"
    assert len(registrar.accounts) == 1
    trunks.reconfigure([trunk("home")])
    assert trunks.view()[0]["state"] == "static"
    trunks.on_sip(unregistered(registrar))
    await asyncio.sleep(0)
    assert len(registrar.accounts) == 1
    assert trunks.view()[0]["state"] == "static"


async def test_a_trunk_is_used_as_long_as_its_binding_holds() -> None:
    trunks, registrar, _events = started(trunk("home", **REGISTERING))
    trunks.start()
    registration = cast(Registration, registrar.accounts[0])
    trunks.on_sip(RegistrationChanged(registration, "registered", 200, "OK", 30))
    trunks.on_sip(RegistrationChanged(registration, "failed", 503, "Busy", 6))
    assert trunks.is_usable("home")
    assert trunks.view()[0]["reason"] == "503 Busy"
    trunks.on_sip(RegistrationChanged(registration, "failed", 503, "Busy", 0))
    assert not trunks.is_usable("home")


async def test_a_trunk_that_asks_for_it_is_passed_over() -> None:
    trunks, _registrar, _events = started(trunk("plain"))
    trunks.rest("plain", 120.0, "503 Busy", is_silent=False)
    trunks.rest("unheard of", 120.0, "503 Busy", is_silent=False)
    assert trunks.is_resting("plain")
    assert not trunks.is_resting("unheard of")
    assert trunks.view()[0]["down"] == "503 Busy"
    trunks.stop()


async def test_reading_the_configuration_again_takes_trunks_up() -> None:
    trunks, _registrar, events = started(trunk("plain"), trunk("gone"))
    for name in ("plain", "gone"):
        trunks.rest(name, 120.0, "no response", is_silent=True)
    trunks.reconfigure([trunk("plain")])
    assert not trunks.is_resting("plain")
    assert [event.type for event in events.after(0)] == ["trunk.down"] * 2 + ["trunk.up"] * 2


async def test_a_registration_takes_its_trunk_up() -> None:
    trunks, registrar, _events = started(trunk("home", **REGISTERING))
    trunks.start()
    trunks.rest("home", 30.0, "no response", is_silent=True)
    registration = cast(Registration, registrar.accounts[0])
    trunks.on_sip(registered(registration))
    assert not trunks.is_resting("home")


async def test_the_binding_is_known_while_it_holds() -> None:
    trunks, registrar, _events = started(trunk("home", **REGISTERING))
    trunks.start()
    registration = cast(Registration, registrar.accounts[0])
    assert trunks.binding("home") is None
    trunks.on_sip(registered(registration))
    assert trunks.binding("home") == BINDING
    trunks.on_sip(RegistrationChanged(registration, "failed", 503, "Busy", 6))
    assert trunks.binding("home") == BINDING
    trunks.on_sip(RegistrationChanged(registration, "failed", 503, "Busy", 0))
    assert trunks.binding("home") is None
    trunks.on_sip(registered(registration))
    trunks.reconfigure([trunk("home")])
    assert trunks.binding("home") is None


async def test_an_account_is_registered_at_the_hosts_of_its_trunk() -> None:
    several = trunk(
        "home",
        **REGISTERING,
        uri="sip:example.com",
        hosts=[{"host": "two.example", "priority": 2}, "one.example:5070"],
        outbound_proxy="sip:proxy.example",
    )
    trunks, registrar, _events = started(several)
    trunks.start()
    (account,) = registrar.accounts
    assert [host.name for host in account.hosts] == ["sip:one.example:5070", "sip:two.example"]
    for host in account.hosts:
        assert (host.registrar, host.aor) == ("sip:example.com", "sip:ringback@example.com")
        assert host.sent_to == "sip:proxy.example"
    assert account.hosts[0].route == ("<sip:proxy.example;lr>", "<sip:one.example:5070;lr>")
    assert not account.is_down("sip:one.example:5070")
    trunks.rest("home", 30.0, "no response", is_silent=True, host="sip:one.example:5070")
    assert account.is_down("sip:one.example:5070")
    assert registrar.down == [(account, "sip:one.example:5070")]
    assert trunks.is_host_down("home", "sip:one.example:5070")
    assert not trunks.is_resting("home")
    assert [state.down for state in trunks.hosts("home")] == [None, "no response"]
    # Other hosts are another registration.
    trunks.reconfigure([several.model_copy(update={"hosts": several.hosts[:1]})])
    assert registrar.stopped == [account]
    trunks.stop()


async def test_a_trunk_is_asked_where_its_requests_go() -> None:
    asked = trunk("home", uri="sip:example.com", outbound_proxy="proxy.example", qualify_s=5)
    trunks, registrar, _events = started(asked, trunk("plain"))
    trunks.start()
    for _ in range(5):
        await asyncio.sleep(0)
    assert registrar.looked_up == ["sip:proxy.example"]
    ((uri, route),) = [(str(one.uri), one.route) for one in registrar.asked]
    assert (uri, route) == ("sip:example.com", ("<sip:proxy.example;lr>",))
    assert (trunks.qualify_s("home"), trunks.qualify_s("plain")) == (5.0, 0.0)
    assert trunks.qualify_s("unheard of") == 0.0
    trunks.stop()

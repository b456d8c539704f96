"""Calls that show a user name and a password: whose they are, and what others are answered."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.sections import InboundAuth, Trunk
from config.sip import Digest
from engine.inbound import trunk_auth
from engine.inbound.inbound import Inbound
from engine.inbound.trunk_auth import TrunkAuth
from sip.auth import guess_limit
from sip.auth.digest import Credentials, DigestClient
from sip.hop import Hop
from sip.message.message import Fields, Request, Response
from sip.policy import Admission, Authenticated, Challenged
from tests.support.phones.scripted import incoming
from tests.support.reception import Reception, reception

STRANGER = Hop("udp", "192.0.2.99", 5060)
AT_ADDRESS = Hop("udp", "127.0.0.1", 5071)
RIGHT = Credentials("carrier", "carrier-secret")


def trunk(**more: Any) -> Trunk:
    auth = {"username": RIGHT.username, "password": RIGHT.password}
    return Trunk.model_validate(
        {"name": "one", "uri": "sip:127.0.0.1:5071", "inbound_auth": auth} | more
    )


def with_password(desk: Reception, *trunks: Trunk) -> Inbound:
    """Its trunks show passwords from now on."""
    settings = desk.settings.model_copy(update={"trunks": list(trunks or (trunk(),))})
    desk.inbound.reload(settings)
    return desk.inbound


def signed(
    challenge: Admission, credentials: Credentials = RIGHT, *, fields: Fields | None = None
) -> Request:
    """The INVITE that answers the challenge."""
    assert isinstance(challenge, Challenged)
    request = incoming().request
    client = DigestClient(credentials, random.Random(1))
    uri = request.uri.encode()
    for name, value in client.answer(Response(401, headers=challenge.headers), "INVITE", uri):
        request.add_field(name, value)
    return request


def plain() -> Request:
    return incoming().request


def is_stale(admission: Admission) -> bool:
    assert isinstance(admission, Challenged)
    return all(value.endswith(",stale=true") for _, value in admission.headers)


@pytest.mark.parametrize("source", [STRANGER, AT_ADDRESS])
def test_a_trunk_calls_with_its_password_from_any_address(tmp_path: Path, source: Hop) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk)
        challenge = inbound.admits(plain(), source, 1.0)
        assert not is_stale(challenge)
        assert inbound.admits(signed(challenge), source, 1.1) == Authenticated("one")
        assert inbound.status()["strangers_challenged"] == 1
        assert inbound.status()["strangers_refused"] == 0

    reception(tmp_path, script)


def test_its_call_is_that_trunks(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        with_password(desk)
        phone = incoming(host="192.0.2.99", port=5060)
        phone.peer = "one"
        desk.call(phone)
        await phone.accepted.wait()
        phone.hangs_up()

    desk = reception(tmp_path, script)
    assert desk.stage.last("call.incoming")["trunk"] == "one"


@pytest.mark.parametrize(
    "credentials", [Credentials("carrier", "guess"), Credentials("nobody", "carrier-secret")]
)
def test_others_get_the_same_answer_whoever_they_say_they_are(
    tmp_path: Path, credentials: Credentials
) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk)
        challenge = inbound.admits(plain(), STRANGER, 1.0)
        again = inbound.admits(signed(challenge, credentials), STRANGER, 1.1)
        assert isinstance(again, Challenged) and isinstance(challenge, Challenged)
        assert not is_stale(again)
        sizes = [[len(value) for _, value in one.headers] for one in (challenge, again)]
        assert sizes[0] == sizes[1]
        assert inbound.status()["strangers_refused"] == 1

    desk = reception(tmp_path, script)
    assert desk.stage.seen("call.") == []


def test_stale_and_replayed_credentials_are_asked_for_again(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk)
        first = signed(inbound.admits(plain(), STRANGER, 1.0))
        assert inbound.admits(first, STRANGER, 1.1) == Authenticated("one")
        assert is_stale(inbound.admits(first, STRANGER, 1.2))
        late = signed(inbound.admits(plain(), STRANGER, 2.0))
        assert is_stale(inbound.admits(late, STRANGER, 2.0 + 301.0))

    reception(tmp_path, script)


def test_who_guesses_is_not_heard_for_a_while(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk)
        wrong = Credentials("carrier", "guess")
        challenge = inbound.admits(plain(), AT_ADDRESS, 1.0)
        for _ in range(int(guess_limit.GUESSES.burst) + 1):
            assert isinstance(inbound.admits(signed(challenge, wrong), AT_ADDRESS, 1.0), Challenged)
        assert inbound.admits(signed(challenge), AT_ADDRESS, 1.0) == "ignore"
        later = 1.0 + guess_limit.PAUSE_S
        assert inbound.admits(signed(challenge), AT_ADDRESS, later) == Authenticated("one")

    reception(tmp_path, script)


def test_unknown_sources_are_challenged_a_few_times_a_second_a_trunk_always(
    tmp_path: Path,
) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk)
        proved = Hop("udp", "192.0.2.50", 5060)
        request = signed(inbound.admits(plain(), proved, 1.0))
        assert inbound.admits(request, proved, 1.0) == Authenticated("one")
        admitted = [inbound.admits(plain(), STRANGER, 1.0) for _ in range(100)]
        assert admitted.count("ignore") > 80
        for source in (AT_ADDRESS, proved):
            admitted = [inbound.admits(plain(), source, 1.0) for _ in range(100)]
            assert all(isinstance(one, Challenged) for one in admitted)

    reception(tmp_path, script)


def test_trunks_without_a_password_are_told_by_their_address_as_ever(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        other = Trunk(name="two", uri="sip:192.0.2.77:5060")
        inbound = with_password(desk, trunk(), other)
        assert inbound.admits(plain(), Hop("udp", "192.0.2.77", 5060), 1.0) == "accept"

    reception(tmp_path, script)


def test_a_certificate_needs_no_password_besides(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk, trunk(tls_names=["carrier.example"]))
        source = Hop("tls", "192.0.2.99", 40000, "carrier.example")
        assert inbound.admits(plain(), source, 1.0) == "accept"

    reception(tmp_path, script)


def test_at_the_own_address_of_a_trunk_another_trunk_is_refused(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk, trunk(), Trunk(name="two", uri="sip:192.0.2.77:5060"))
        source = STRANGER._replace(local="two")
        challenge = inbound.admits(plain(), source, 1.0)
        assert isinstance(inbound.admits(signed(challenge), source, 1.0), Challenged)

    reception(tmp_path, script)


def test_without_passwords_unknown_sources_are_refused(tmp_path: Path) -> None:
    async def script(desk: Reception) -> None:
        inbound = with_password(desk, trunk(inbound_auth={}))
        assert inbound.admits(plain(), STRANGER, 1.0) == "refuse"

    reception(tmp_path, script)


def auth(**trunks: Mapping[str, str]) -> list[Trunk]:
    return [
        Trunk(name=name, uri="sip:192.0.2.1", inbound_auth=InboundAuth.model_validate(one))
        for name, one in trunks.items()
    ]


def test_a_reload_that_changes_nothing_keeps_nonces_good() -> None:
    trunks = auth(one={"username": "a", "password": "b"})
    accounts = TrunkAuth(Digest(), trunks)
    challenge = Challenged(accounts.challenge("h", 0.0, "none"))
    accounts.configure(Digest(), auth(one={"username": "a", "password": "b"}))
    assert accounts.check(signed(challenge, Credentials("a", "b")), "h", 0.0) == ("right", "one")
    accounts.configure(Digest(), auth(one={"username": "a", "password": "changed"}))
    assert accounts.check(signed(challenge, Credentials("a", "b")), "h", 0.0) == ("stale", "")


def test_what_is_known_of_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_auth, "_MOST_HOSTS", 3)
    monkeypatch.setattr(guess_limit, "_MOST_HOSTS", 3)
    accounts = TrunkAuth(Digest(), auth(one={"username": "a", "password": "b"}))
    for number in range(9):
        host = f"192.0.2.{number}"
        challenge = Challenged(accounts.challenge(host, 0.0, "none"))
        assert accounts.check(signed(challenge, Credentials("a", "b")), host, 0.0)[0] == "right"
        for _ in range(12):
            accounts.check(signed(challenge, Credentials("a", "x")), host, 0.0)
    assert not accounts.has_proved("192.0.2.5") and accounts.has_proved("192.0.2.6")
    assert not accounts.is_paused("192.0.2.5", 0.0) and accounts.is_paused("192.0.2.6", 0.0)

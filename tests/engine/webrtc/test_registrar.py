"""Agents who sign in with a browser: with the right password, for themselves, and for how long."""

import random

import pytest

from config.sip import Digest
from engine.webrtc.registrar import MAX_EXPIRES_S, USUAL_EXPIRES_S, BrowserRegistrar
from sip.auth.digest import Credentials, DigestClient
from sip.hop import Hop
from sip.message.message import Fields, Request, Response
from sip.message.parser import parse

HOP, AGAIN = Hop("wss", "192.0.2.7", 50000), Hop("wss", "192.0.2.7", 50001)
RIGHT = Credentials("anna", "her-token-of-many-letters")
CONTACT = "Contact: <sip:q7@x.invalid;transport=ws>;expires=120"


class Desk:
    """A registrar with two agents, and who has proved to be one."""

    def __init__(self, *algorithms: str) -> None:
        self.proved: list[Hop] = []
        digest = Digest.model_validate({"algorithms": list(algorithms or ("SHA-256", "MD5"))})
        tokens = {"anna": RIGHT.password, "bert": "the-token-of-bert-himself"}
        self.registrar = BrowserRegistrar(digest, tokens, self.proved.append)
        self.rng = random.Random(1)

    def register(
        self,
        *lines: str,
        user: str = "anna",
        credentials: Credentials | None = RIGHT,
        hop: Hop = HOP,
        now: float = 0.0,
    ) -> tuple[int, Fields]:
        """What a REGISTER is answered that shows its credentials at the second try."""
        request = register_of(user, *lines)
        status, fields = self.registrar.register(request, hop, now)
        if status != 401 or credentials is None:
            return status, fields
        client = DigestClient(credentials, self.rng)
        challenge = Response(401, headers=fields)
        for name, value in client.answer(challenge, "REGISTER", "sip:ringback"):
            request.add_field(name, value)
        return self.registrar.register(request, hop, now)


def register_of(user: str, *lines: str) -> Request:
    head = [
        "REGISTER sip:ringback SIP/2.0",
        "Via: SIP/2.0/WSS x.invalid;branch=z9hG4bK1",
        f"From: <sip:{user}@ringback>;tag=1",
        f"To: <sip:{user}@ringback>",
        "Call-ID: c1",
        "CSeq: 1 REGISTER",
        *lines,
        "Content-Length: 0",
    ]
    request = parse("\r\n".join([*head, "", ""]).encode())
    assert isinstance(request, Request)
    return request


def test_who_shows_the_token_is_reached() -> None:
    desk = Desk()
    status, fields = desk.register(CONTACT)
    assert (status, fields) == (200, [("Contact", "<sip:q7@x.invalid;transport=ws>;expires=120")])
    binding = desk.registrar.binding_of("anna", 100.0)
    assert binding is not None and binding.hop == HOP
    assert desk.registrar.contact_at(HOP) == "sip:q7@x.invalid;transport=ws"
    assert desk.registrar.agent_at(HOP, 100.0) == "anna" and desk.proved == [HOP]
    assert desk.registrar.binding_of("anna", 120.0) is None
    assert desk.registrar.agent_at(HOP, 120.0) is None


def test_md5_is_offered_first_because_browsers_read_one_challenge() -> None:
    status, fields = Desk().register(CONTACT, credentials=None)
    assert status == 401
    assert [value.rpartition("algorithm=")[2] for _name, value in fields] == ["SHA-256", "MD5"]
    _status, fields = Desk("SHA-256").register(CONTACT, credentials=None)
    assert [value.rpartition("algorithm=")[2] for _name, value in fields] == ["SHA-256"]


@pytest.mark.parametrize(
    ("user", "credentials", "status"),
    [
        ("anna", Credentials("anna", "a-wrong-token-it-is"), 401),
        ("carol", Credentials("carol", "nobody-has-this-token"), 401),
        ("bert", RIGHT, 403),
    ],
)
def test_nobody_signs_in_as_somebody_else(user: str, credentials: Credentials, status: int) -> None:
    desk = Desk()
    assert desk.register(CONTACT, user=user, credentials=credentials)[0] == status
    assert desk.registrar.binding_of(user, 0.0) is None
    assert not desk.proved


def test_a_host_that_guesses_is_not_heard_for_a_while() -> None:
    desk = Desk()
    wrong = Credentials("anna", "a-wrong-token-it-is")
    statuses = {desk.register(CONTACT, credentials=wrong)[0] for _ in range(20)}
    assert statuses == {401, 403}
    assert desk.register(CONTACT)[0] == 403
    assert desk.register(CONTACT, now=60.0)[0] == 200


@pytest.mark.parametrize(
    ("lines", "granted_s"),
    [
        (["Contact: <sip:q7@x.invalid>"], USUAL_EXPIRES_S),
        (["Contact: <sip:q7@x.invalid>", "Expires: 90"], 90),
        (["Contact: <sip:q7@x.invalid>;expires=999999"], MAX_EXPIRES_S),
        (["Contact: <sip:q7@x.invalid>;expires=x", "Expires: 90"], 90),
    ],
)
def test_for_how_long(lines: list[str], granted_s: int) -> None:
    status, fields = Desk().register(*lines)
    assert status == 200 and fields[0][1].endswith(f";expires={granted_s}")


def test_too_short_is_refused() -> None:
    status, fields = Desk().register("Contact: <sip:q7@x.invalid>;expires=5")
    assert (status, fields) == (423, [("Min-Expires", "30")])


def test_signing_out() -> None:
    desk = Desk()
    desk.register(CONTACT)
    assert desk.register("Contact: <sip:q7@x.invalid>;expires=0") == (200, [])
    assert desk.registrar.binding_of("anna", 0.0) is None
    desk.register(CONTACT)
    desk.register(CONTACT, hop=AGAIN)
    assert desk.register("Contact: *", "Expires: 0") == (200, [])
    assert desk.registrar.binding_of("anna", 0.0) is None


def test_the_browser_that_registered_last_is_called() -> None:
    desk = Desk()
    desk.register(CONTACT)
    desk.register(CONTACT, hop=AGAIN)
    assert len(desk.register(CONTACT, hop=AGAIN)[1]) == 2
    binding = desk.registrar.binding_of("anna", 0.0)
    assert binding is not None and binding.hop == AGAIN
    desk.registrar.gone(AGAIN)
    binding = desk.registrar.binding_of("anna", 0.0)
    assert binding is not None and binding.hop == HOP
    desk.registrar.gone(HOP)
    assert desk.registrar.binding_of("anna", 0.0) is None
    assert desk.registrar.contact_at(HOP) is None


def test_a_query_shows_the_bindings() -> None:
    desk = Desk()
    desk.register(CONTACT)
    assert desk.register(now=20.0) == (
        200,
        [("Contact", "<sip:q7@x.invalid;transport=ws>;expires=100")],
    )


def test_who_loses_the_token_is_signed_out() -> None:
    desk = Desk()
    desk.register(CONTACT)
    desk.registrar.configure(Digest(), {"bert": "the-token-of-bert-himself"})
    assert desk.registrar.binding_of("anna", 0.0) is None
    assert desk.register(CONTACT)[0] == 401


def test_what_cannot_be_read_after_the_password_is_answered_so() -> None:
    status, fields = Desk().register("Contact: <sip:q7@x.invalid;transport=ws")
    assert (status, fields) == (400, [])

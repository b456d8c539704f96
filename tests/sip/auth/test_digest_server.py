"""Challenges for those who call us, and what their answers are worth."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.auth.digest import HASHES, Credentials, DigestClient, answer_challenge, parse_challenge
from sip.auth.digest_server import DigestServer, UsedCounts, Verdict
from sip.message.message import Request, Response
from sip.message.uri import parse_uri

HOST = "192.0.2.9"
RIGHT = Credentials("carrier", "s3cret: é")
URI = "sip:+442079460000@192.0.2.1"


def server(**more: Any) -> DigestServer:
    users = {RIGHT.username: RIGHT.password, "other": "another"}
    return DigestServer("ringback", users, rng=random.Random(1), **more)


def invite(*authorization: str, uri: str = URI) -> Request:
    fields = [("Authorization", value) for value in authorization]
    return Request("INVITE", parse_uri(uri), fields)


def answer(
    to: DigestServer,
    now: float = 0.0,
    *,
    credentials: Credentials = RIGHT,
    algorithm: str = "SHA-256",
    host: str = HOST,
    uri: str = URI,
    count: int = 1,
) -> str:
    """What a caller at `host` answers to a challenge made now."""
    values = [value for _, value in to.challenge(host, now)]
    (value,) = [value for value in values if f"algorithm={algorithm}" in value]
    challenge = parse_challenge(value)
    assert challenge is not None and challenge.qop == ("auth",)
    return answer_challenge(
        challenge, credentials, method="INVITE", uri=uri, cnonce="c0", nonce_count=count
    )


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_the_right_password(algorithm: str) -> None:
    ours = server()
    given = answer(ours, algorithm=algorithm)
    assert ours.check(invite(given), HOST, 1.0) == Verdict("right", "carrier")


def test_the_strongest_algorithm_is_offered_first_and_our_own_client_answers_it() -> None:
    ours = server()
    challenges = ours.challenge(HOST, 0.0)
    assert [value.rpartition("=")[2] for _, value in challenges] == ["SHA-256", "MD5"]
    client = DigestClient(RIGHT, random.Random(2))
    fields = client.answer(Response(401, headers=challenges), "INVITE", URI)
    assert "algorithm=SHA-256" in fields[0][1]
    assert ours.check(Request("INVITE", parse_uri(URI), fields), HOST, 0.1).outcome == "right"


def test_one_algorithm_alone() -> None:
    ours = server(algorithms=["SHA-256"])
    ((_, challenge),) = ours.challenge(HOST, 0.0)
    assert challenge.endswith("algorithm=SHA-256")
    weak = answer(server(), algorithm="MD5")
    assert ours.check(invite(weak), HOST, 0.0).outcome == "none"


@pytest.mark.parametrize(
    "credentials", [Credentials("carrier", "wrong"), Credentials("nobody", "s3cret: é")]
)
def test_an_unknown_user_and_a_wrong_password_are_one_thing(credentials: Credentials) -> None:
    ours = server()
    assert ours.check(invite(answer(ours, credentials=credentials)), HOST, 0.0) == Verdict("wrong")


def test_an_unknown_user_costs_what_a_known_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, costs = server(), []
    asked = {
        name: invite(answer(ours, credentials=Credentials(name, "wrong")))
        for name in ("carrier", "nobody")
    }
    plain = HASHES["sha-256"]
    hashed: list[bytes] = []

    def counted(data: bytes) -> str:
        hashed.append(data)
        return plain(data)

    monkeypatch.setitem(HASHES, "sha-256", counted)
    for request in asked.values():
        hashed.clear()
        assert ours.check(request, HOST, 0.0).outcome == "wrong"
        costs.append([len(data) for data in hashed])
    assert costs[0] == costs[1] and len(costs[0]) == 2


def test_the_secret_of_nobody_is_nobodys() -> None:
    """Its hash is public as little as any other; even who knew it would be no user."""
    ours = server()
    given = answer(ours, credentials=Credentials("nobody", "x"))
    ours._secrets.clear()
    assert ours.check(invite(given), HOST, 0.0).outcome == "wrong"


class TestNonces:
    def test_a_nonce_that_is_too_old_is_stale(self) -> None:
        ours = server(nonce_s=300.0)
        given = answer(ours, 1000.0)
        assert ours.check(invite(given), HOST, 1300.0).outcome == "right"
        assert ours.check(invite(answer(ours, 1000.0)), HOST, 1300.5).outcome == "stale"

    def test_a_stale_nonce_says_nothing_of_user_or_password(self) -> None:
        ours = server()
        for credentials in (RIGHT, Credentials("nobody", "x"), Credentials("carrier", "x")):
            given = answer(ours, 0.0, credentials=credentials)
            assert ours.check(invite(given), HOST, 5000.0) == Verdict("stale")

    def test_a_nonce_of_an_earlier_engine_or_of_somebody_else_is_stale(self) -> None:
        ours, earlier = server(), DigestServer("ringback", {}, rng=random.Random(7))
        assert ours.check(invite(answer(earlier)), HOST, 0.0).outcome == "stale"
        assert ours.check(invite(answer(ours, host="192.0.2.66")), HOST, 0.0).outcome == "stale"

    def test_a_nonce_from_the_future_is_stale(self) -> None:
        ours = server()
        assert ours.check(invite(answer(ours, 100.0)), HOST, 99.0).outcome == "stale"

    @pytest.mark.parametrize("nonce", ["", "x", "é" * 36, "=" * 36, "*" * 36, "A" * 36, "A" * 900])
    def test_a_nonce_that_is_none(self, nonce: str) -> None:
        ours = server()
        given = answer(ours)
        made = given.split('nonce="')[1].split('"')[0]
        assert ours.check(invite(given.replace(made, nonce)), HOST, 0.0).outcome == "stale"

    def test_the_new_challenge_says_that_it_is_stale(self) -> None:
        ours = server()
        challenge = parse_challenge(ours.challenge(HOST, 0.0, is_stale=True)[0][1])
        assert challenge is not None and challenge.stale

    def test_nothing_is_kept_of_who_only_asks(self) -> None:
        ours = server()
        for number in range(100):
            ours.challenge(f"192.0.2.{number}", 0.0)
            ours.check(invite(answer(ours, credentials=Credentials("x", "y"))), HOST, 0.0)
        assert len(ours._used) == 0


class TestReplay:
    def test_the_same_credentials_are_right_once(self) -> None:
        ours = server()
        given = answer(ours)
        assert ours.check(invite(given), HOST, 0.0).outcome == "right"
        assert ours.check(invite(given), HOST, 0.1) == Verdict("stale")

    def test_a_caller_may_use_a_nonce_again_with_higher_counts(self) -> None:
        ours = server()
        client = DigestClient(RIGHT, random.Random(2))
        fields = client.answer(Response(401, headers=ours.challenge(HOST, 0.0)), "INVITE", URI)
        for _ in range(3):
            request = Request("INVITE", parse_uri(URI), fields)
            assert ours.check(request, HOST, 0.0).outcome == "right"
            assert ours.check(request, HOST, 0.0).outcome == "stale"
            fields = client.authorize("INVITE", URI)

    def test_counts_in_another_order_are_right_once_each(self) -> None:
        used = UsedCounts(300.0)
        for count in (3, 1, 2, 100, 99, 40):
            assert used.note_use("n", count, 0.0, 0.0)
        for count in (3, 1, 2, 100, 99, 40, 0, 36):
            assert not used.note_use("n", count, 0.0, 0.0)

    def test_a_count_of_nothing_is_none(self) -> None:
        ours = server()
        assert ours.check(invite(answer(ours, count=0)), HOST, 0.0).outcome == "stale"

    def test_what_is_remembered_is_bounded_and_no_hole(self) -> None:
        used = UsedCounts(300.0, most=3)
        for number in range(10):
            assert used.note_use(f"n{number}", 1, float(number), 10.0)
        assert len(used) == 3
        # What was dropped is not taken again, and neither is another nonce of that time.
        assert not used.note_use("n0", 1, 0.0, 10.0) and not used.note_use("new", 1, 6.0, 10.0)
        assert used.note_use("later", 1, 9.5, 10.0)

    def test_nonces_that_are_over_are_forgotten(self) -> None:
        used = UsedCounts(300.0)
        used.note_use("old", 1, 0.0, 0.0)
        used.note_use("new", 1, 400.0, 400.0)
        assert len(used) == 1

    @given(st.lists(st.integers(0, 200), max_size=100))
    def test_no_count_is_right_twice(self, counts: list[int]) -> None:
        used = UsedCounts(300.0)
        accepted = [count for count in counts if used.note_use("n", count, 0.0, 0.0)]
        assert len(accepted) == len(set(accepted)) and 0 not in accepted


class TestWhatItIsFor:
    @pytest.mark.parametrize(
        "uri", [URI, "sip:+442079460000@sbc.example;transport=tcp", "sip:192.0.2.1:5060"]
    )
    def test_a_proxy_may_have_written_another_host(self, uri: str) -> None:
        """SIPp names no user in its credentials."""
        ours = server()
        assert ours.check(invite(answer(ours, uri=uri)), HOST, 0.0).outcome == "right"

    @pytest.mark.parametrize("uri", ["sip:+442079469999@192.0.2.1", "tel:+442079460000", "::", ""])
    def test_credentials_for_another_number_are_wrong(self, uri: str) -> None:
        ours = server()
        assert ours.check(invite(answer(ours, uri=uri)), HOST, 0.0).outcome == "wrong"

    def test_a_telephone_number_as_it_is(self) -> None:
        ours, uri = server(), "tel:+442079460000"
        assert ours.check(invite(answer(ours, uri=uri), uri=uri), HOST, 0.0).outcome == "right"


def broken(given: str) -> Iterator[str]:
    yield given.replace('realm="ringback"', 'realm="elsewhere"')
    yield given.replace("algorithm=SHA-256", "algorithm=SHA-512-256")
    yield given.replace("algorithm=SHA-256", "algorithm=SHA-256-sess")
    yield given.replace("qop=auth", "qop=auth-int")
    yield given.replace(", qop=auth, nc=00000001", "")
    yield given.replace("nc=00000001", "nc=1")
    yield given.replace("nc=00000001", "nc=zzzzzzzz")
    yield given.replace("nc=00000001", "nc=-0000001")
    yield given.replace('cnonce="c0"', 'cnonce=""')
    yield given.replace("Digest ", "Basic ")
    yield given + ', realm="ringback"'
    yield given + ', x="' + "y" * 3000 + '"'
    yield given[:-20] + '"'
    yield "Digest"
    yield ""


def test_what_cannot_be_used_is_no_answer_and_is_challenged_anew() -> None:
    ours = server()
    found = [ours.check(invite(one), HOST, 0.0).outcome for one in broken(answer(ours))]
    assert set(found) == {"none"} and len(found) == 15


def test_ours_is_found_among_those_of_other_realms() -> None:
    ours = server()
    others = [f'Digest realm="r{n}", nonce="n", username="u"' for n in range(3)]
    given = answer(ours)
    assert ours.check(invite(*others, given), HOST, 0.0).outcome == "right"
    assert ours.check(invite(*others, others[0], answer(ours)), HOST, 0.0).outcome == "none"


@given(st.text(max_size=200))
def test_nothing_makes_it_raise(text: str) -> None:
    ours = server()
    value = "Digest " + text.replace("\r", "").replace("\n", "")
    assert ours.check(invite(value), HOST, 0.0).outcome in ("none", "stale", "wrong")


def test_a_user_that_is_no_utf8_is_wrong() -> None:
    ours = server()
    given = answer(ours).replace('username="carrier"', 'username="\udcff"')
    assert ours.check(invite(given), HOST, 0.0).outcome == "wrong"
    given = answer(ours)
    proof = given.split('response="')[1].split('"')[0]
    assert ours.check(invite(given.replace(proof, "\udcff")), HOST, 0.0).outcome == "wrong"

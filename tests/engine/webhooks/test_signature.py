"""The signature against vectors of the reference library, and what is not let through."""

import pytest

from engine.webhooks.signature import NotGenuine, key_of, sign, verify

KEY = key_of("a secret of some length")
ID = "6091ae72c6788c41-412"
AT = 1795317699
BODY = '{"type":"callback.completed","text":"é"}'.encode()


def headers(**changed: str) -> dict[str, str]:
    given = {"webhook-id": ID, "webhook-timestamp": str(AT)}
    given["webhook-signature"] = sign(KEY, ID, AT, BODY)
    return given | {name.replace("_", "-"): value for name, value in changed.items()}


def test_it_is_what_the_reference_library_makes() -> None:
    # standardwebhooks 1.1.0 for Python gave these.
    assert sign(KEY, ID, AT, BODY) == "v1,1jjq9TDrrrnf+/eJeQbYtcTq3fc7DZcBtFyYkFimI9I="
    encoded = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert sign(encoded, ID, AT, BODY) == "v1,PcDorAsJ45AmSWz5rgH4TKFE+UZW0WVKdUjrimBvNl0="
    with pytest.raises(ValueError, match="is not base64"):
        key_of("whsec_not base64!")


def test_a_genuine_delivery_is_let_through() -> None:
    assert verify(KEY, headers(), BODY, AT + 299) == ID
    several = headers(webhook_signature=f"v1a,xyz {sign(KEY, ID, AT, BODY)}")
    assert verify(KEY, several, BODY, AT) == ID


@pytest.mark.parametrize(
    ("changed", "body", "now", "why"),
    [
        ({}, BODY + b" ", AT, "no signature"),
        ({}, BODY, AT + 301, "too long ago"),
        ({}, BODY, AT - 301, "to come"),
        ({"webhook_timestamp": str(AT + 1)}, BODY, AT, "no signature"),
        ({"webhook_timestamp": "soon"}, BODY, AT, "is missing"),
        ({"webhook_timestamp": "\u0661"}, BODY, AT, "is missing"),
        ({"webhook_id": "another"}, BODY, AT, "no signature"),
        ({"webhook_id": ""}, BODY, AT, "is missing"),
        ({"webhook_signature": ""}, BODY, AT, "no signature"),
        ({"webhook_signature": "v1,é"}, BODY, AT, "no signature"),
    ],
)
def test_others_are_not(changed: dict[str, str], body: bytes, now: float, why: str) -> None:
    with pytest.raises(NotGenuine, match=why):
        verify(KEY, headers(**changed), body, now)


def test_another_secret_does_not_do() -> None:
    with pytest.raises(NotGenuine):
        verify(key_of("another secret, as long"), headers(), BODY, AT)

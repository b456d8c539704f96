"""Headers that are configured: which names, and what they may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.sections import Dial, Trunk


def trunk(headers: dict[str, Any]) -> Trunk:
    return Trunk.model_validate({"name": "t", "uri": "sip:sip.example", "headers": headers})


def test_fixed_ones_and_ones_with_fields() -> None:
    headers = {"X-Account": "shop", "X-Site": "{context.site}", "Diversion": "<sip:a@b>"}
    assert trunk(headers).headers == headers
    assert trunk({}).headers == {}


@pytest.mark.parametrize(
    "headers",
    [
        {name: "x"}
        for name in (
            "Via", "v", "From", "Route", "Record-Route", "Contact", "Content-Type", "To", "Call-ID",
            "Content-Length", "Authorization", "Session-Expires", "P-Asserted-Identity",
            "remote-party-id", "Privacy", "X Space", "X:", "", "X\r\nVia",
        )
    ]
    + [
        {"X-A": "two\r\nlines"},
        {"X-A": "{context"},
        {"X-A": "{nothing}"},
        {"X-A": "x" * 1001},
        {"X-A": "1", "x-a": "2"},
        {"Refer-To": "{context.target}"},
        {"Diversion": "<{to}>"},
        {f"X-{number}": "x" for number in range(33)},
    ],
)  # fmt: skip
def test_what_a_trunk_may_not_be_given(headers: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        trunk(headers)


def test_agents_may_be_told_of_identities_that_trunks_have_keys_for() -> None:
    assert Dial(headers={"Privacy": "id"}).headers == {"Privacy": "id"}

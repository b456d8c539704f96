"""Public ids, links and seals: the same for the same request, and not to be made by others."""

from pathlib import Path

import pytest

from web.signing import Signing, read_or_make_secret

SIGNING = Signing(b"s" * 32)
OTHER = Signing(b"t" * 32)


def test_the_same_request_has_the_same_id_and_others_have_not() -> None:
    one = SIGNING.callback_id("shop", "key-1")
    assert one == SIGNING.callback_id("shop", "key-1")
    assert one.startswith("web-")
    assert (
        len({one, SIGNING.callback_id("shop", "key-2"), SIGNING.callback_id("bank", "key-1")}) == 3
    )


def test_an_id_that_was_made_up_is_known_as_such() -> None:
    one = SIGNING.callback_id("shop", "key-1")
    assert SIGNING.is_callback_id(one)
    assert not OTHER.is_callback_id(one)
    for text in ("", "web-", one[:-1], one + "x", one.replace("web-", ""), "order-17", "ü" * 34):
        assert not SIGNING.is_callback_id(text)


def test_each_talk_has_an_id_of_its_own_which_is_no_callbacks() -> None:
    one, two = SIGNING.talk_id(), SIGNING.talk_id()
    assert one != two and one.startswith("talk-")
    assert SIGNING.is_talk_id(one) and not OTHER.is_talk_id(one)
    assert not SIGNING.is_callback_id(one)
    assert not SIGNING.is_talk_id(SIGNING.callback_id("shop", "key-1"))
    for text in ("", "talk-", one[:-1], one + "x", one.replace("talk-", ""), "ü" * 35):
        assert not SIGNING.is_talk_id(text)


def test_a_link_holds_for_its_callback_alone() -> None:
    one, two = (SIGNING.callback_id("shop", key) for key in ("key-1", "key-2"))
    assert SIGNING.is_link_token(one, SIGNING.link_token(one))
    assert not SIGNING.is_link_token(two, SIGNING.link_token(one))
    assert not SIGNING.is_link_token(one, "")
    assert not SIGNING.is_link_token(one, "ü")


def test_a_seal_holds_for_its_purpose_alone() -> None:
    sealed = SIGNING.seal("challenge", "shop.17")
    assert SIGNING.unseal("challenge", sealed) == "shop.17"
    assert SIGNING.unseal("link", sealed) is None
    assert OTHER.unseal("challenge", sealed) is None
    assert SIGNING.unseal("challenge", sealed.replace("17", "18")) is None
    assert SIGNING.unseal("challenge", "") is None


@pytest.mark.parametrize("text", ["\udcff", "web-\udcff", "a.\udca9", "é", ""])
def test_bytes_that_are_no_text_are_no_signature(text: str) -> None:
    signing = Signing(b"a secret that is long enough")
    assert not signing.is_callback_id(text)
    assert not signing.is_link_token(text, text)
    assert signing.unseal("challenge", text) is None


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "web.secret"
    made = read_or_make_secret(path)
    assert len(made) >= 32
    assert read_or_make_secret(path) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "web.secret"
    path.write_text("short\n")
    with pytest.raises(ValueError, match="at least 32 characters"):
        read_or_make_secret(path)

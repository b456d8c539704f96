"""How a line of a recorded message is held against one of today."""

from .sip_session import Values


def test_what_is_seen_first_is_expected_from_then_on() -> None:
    values = Values({"engine": "5060"})
    assert values.matches("From: <sip:a@b:{engine}>;tag={tag 1}", "From: <sip:a@b:5060>;tag=0a1b")
    assert values.matches("To: <sip:a@b>;tag={tag 1}", "To: <sip:a@b>;tag=0a1b")
    assert not values.matches("To: <sip:a@b>;tag={tag 1}", "To: <sip:a@b>;tag=ffff")
    assert not values.matches("Via: {engine}", "Via: 5061")
    assert values.put("BYE {engine} tag={tag 1}") == "BYE 5060 tag=0a1b"


def test_a_number_may_be_counted_on() -> None:
    values = Values({})
    assert values.matches("o=- {session 1} {session 1} IN IP4 a", "o=- 7 7 IN IP4 a")
    assert not values.matches("o=- {session 2} {session 2} IN IP4 a", "o=- 7 8 IN IP4 a")
    assert values.matches("o=- {session 1} {session 1+2} IN IP4 a", "o=- 7 9 IN IP4 a")
    assert not values.matches("o=- {session 1} {session 1+1} IN IP4 a", "o=- 7 9 IN IP4 a")


def test_other_words_are_themselves() -> None:
    values = Values({})
    assert values.matches('X-Context: {"site":"{id}"}', 'X-Context: {"site":"{id}"}')
    assert not values.matches("Allow: INVITE, BYE", "Allow: INVITE")
    assert values.put("Content-Length: {length}\r\n\r\nhello") == "Content-Length: 5\r\n\r\nhello"

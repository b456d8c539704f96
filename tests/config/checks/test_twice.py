"""What stands twice, or hides what comes after it."""

from .all_faults import faults


def test_a_user_name_says_which_trunk_calls() -> None:
    auth = {"username": "a", "password": "b"}
    trunks = [
        {"name": name, "uri": "sip:192.0.2.1", "inbound_auth": auth} for name in ("pbx", "edge")
    ]
    assert faults(trunks=trunks) == [
        ("trunks[1].inbound_auth.username", "the user name 'a' stands twice")
    ]
    assert faults(trunks=[{**one, "inbound_auth": {}} for one in trunks]) == []


def test_a_route_that_an_earlier_one_hides() -> None:
    routes = [{"prefix": one, "trunks": ["pbx"]} for one in ("+1", "+", "+44", "+1")]
    assert [key for key, _why in faults(routes=routes)] == ["routes[2].prefix", "routes[3].prefix"]
    assert faults(routes=routes[:2]) == []


def test_short_codes_may_be_the_beginnings_of_what_rules_match() -> None:
    rules = [{"name": "r", "match": {"prefix": ["118"]}}]
    assert faults(rules=rules, numbering={"short_codes": ["118118"]}) == []

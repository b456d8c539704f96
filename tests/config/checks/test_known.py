"""The names that a configuration has."""

from config.checks.known import Known


def test_entries_with_a_fault_are_known_by_name() -> None:
    known = Known.in_data({"agents": [{"name": "bob", "uri": 5}], "queues": [{"name": "?"}]})
    assert list(known.missing("k", "agents", ["bob"])) == []
    assert [one.reason for one in known.missing("k", "agents", ["eve"])] == [
        "there is no agent named 'eve'"
    ]
    assert list(known.missing("k", "queues", ["sales"])) == []

"""The table of roles: every method has its entry, and each role has what those below it have."""

import itertools
from pathlib import Path

from engine.control.connections.connection import Connection
from engine.control.method_roles import (
    AGENT_METHODS,
    AGENT_REQUEST_METHODS,
    METHODS,
    OWN_JOB_METHODS,
    RANKS,
    SITE_METHODS,
    changes,
    needed,
)
from tests.support.engines.in_process import running, settings_in

DOCUMENTED = Path(__file__).parents[3] / "docs" / "control-protocol.md"


async def test_every_method_of_the_engine_has_a_role(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as (daemon, _client):
        served = {*daemon.control.methods, "auth", "events.subscribe"}
    assert served - METHODS.keys() == set(), "methods without a role"


def test_roles_have_an_order() -> None:
    roles = ["none", "request", "gateway", "read", "operate", "supervise", "administer"]
    assert list(RANKS) == roles
    assert all(low <= high for low, high in itertools.pairwise(RANKS.values()))
    assert RANKS["none"] < RANKS["request"] == RANKS["gateway"] < RANKS["read"] < RANKS["operate"]


def test_a_method_that_nobody_has_thought_of_needs_the_highest() -> None:
    assert needed("no.such") == "administer"


def test_what_only_looks_is_not_a_change() -> None:
    assert not changes("callback.get")
    assert not changes("ping")
    assert changes("callback.request")
    assert changes("engine.drain")


def test_what_agents_requesters_and_sites_may_have_is_there() -> None:
    own = OWN_JOB_METHODS["request"] | OWN_JOB_METHODS["gateway"]
    assert METHODS.keys() >= AGENT_METHODS | AGENT_REQUEST_METHODS | own | SITE_METHODS
    assert own <= SITE_METHODS
    assert OWN_JOB_METHODS["request"] < OWN_JOB_METHODS["gateway"]


def test_the_documentation_has_the_role_of_every_method() -> None:
    text = DOCUMENTED.read_text()
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    seen = {row[1].strip(" `"): row[2].strip() for row in rows if len(row) == 5}
    missing = {name: role for name, role in METHODS.items() if seen.get(name) != role}
    assert missing == {}


def test_connection_serves_what_the_table_calls_everybodys() -> None:
    assert {name for name, role in METHODS.items() if role == "none"} == {"auth", "ping"}
    assert Connection.__doc__

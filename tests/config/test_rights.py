"""[[rights]]: each is one user, group or token, and one role or agent."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.rights import Right
from config.settings import ConfigError, Settings, load
from tests.support.configuration import refused_values

TOKEN = "0123456789abcdef"


def right(**values: Any) -> Right:
    return Right(**({"name": "one", "role": "read"} | values))


def refused_right(**values: Any) -> str:
    return refused_values(Right, **({"name": "one", "role": "read"} | values))


def test_a_user_by_name_and_by_number() -> None:
    assert right(user="root").user == 0
    assert right(user="12").user == 12
    assert right(user=0).user == 0
    assert "no user" in refused_right(user="no-such-user")


def test_one_of_user_group_and_token() -> None:
    assert "give one of user, group and token" in refused_right()
    assert "give one of user, group and token" in refused_right(user=0, token=TOKEN)
    assert "no group" in refused_right(group="no-such-group")
    assert right(group="root").group == "root"


def test_one_of_role_and_agent() -> None:
    assert "give one of role and agent" in refused_right(user=5, agent="alice")
    assert "give one of role and agent" in refused_right(user=5, role=None)
    assert right(user=5, role=None, agent="alice").agent == "alice"
    assert "a group is no agent" in refused_right(group="root", role=None, agent="alice")


@pytest.mark.parametrize("given", [{"own_days": 1}, {"may_request": True}])
def test_what_is_for_agents_is_refused_for_a_role(given: dict[str, Any]) -> None:
    assert "is for an entry with agent" in refused_right(user=5, **given)


def test_sites_are_for_roles_that_can_be_told_apart_by_site() -> None:
    for role in ("request", "gateway", "read", "operate"):
        assert right(user=5, role=role, sites=["shop.example"]).sites == ["shop.example"]
    others: tuple[dict[str, Any], ...] = ({"role": "supervise"}, {"role": None, "agent": "alice"})
    for given in others:
        assert "are for the roles request, gateway, read, operate" in refused_right(
            user=5, sites=["shop.example"], **given
        )
    assert "at least 1" in refused_right(user=5, sites=[""])


def test_a_token_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert right(token_file=str(file)).token.get_secret_value() == TOKEN
    assert "give one" in refused_right(token_file=str(file), token=TOKEN)
    assert "at least 16" in refused_right(token="short")
    assert TOKEN not in repr(right(token=TOKEN))


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"name": "a", "user": 6, "role": "read"}, "the name 'a' stands twice"),
        ({"name": "b", "user": 5, "role": "read"}, "the user 5 stands twice"),
        ({"name": "b", "token": TOKEN, "role": "read"}, "one token stands twice"),
    ],
)
def test_nothing_stands_twice(second: dict[str, Any], words: str) -> None:
    first = {"name": "a", "user": 5, "role": "read"}
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate({"rights": [first, second], "control": {"token": TOKEN}})


def test_tcp_is_opened_by_any_token() -> None:
    control = {"tcp": "127.0.0.1:1", "tls_cert": "c.pem", "tls_key": "k.pem"}
    with pytest.raises(ValidationError, match=r"control.tcp needs a token"):
        Settings.model_validate({"control": control})
    Settings.model_validate(
        {"control": control, "rights": [{"name": "a", "token": TOKEN, "role": "read"}]}
    )


def test_a_token_that_gives_rights_is_long() -> None:
    rights = [{"name": "a", "user": 5, "role": "read"}]
    with pytest.raises(ValidationError, match="at least 16"):
        Settings.model_validate({"control": {"token": "short"}, "rights": rights})


def test_errors_and_the_environment_name_the_entry(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(f"[[rights]]\nname = 'a'\nuser = {os.getuid()}\nrole = 'king'\n")
    with pytest.raises(ConfigError, match=r"rights\[0\].role: must be 'read', 'operate'"):
        load(file, {})
    settings = load(file, {"RINGBACK_RIGHTS__A__ROLE": "operate"})
    assert settings.rights[0].role == "operate"

"""Paths, users and groups of this machine."""

import grp
import os
import pwd
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from config.value_checks.this_machine import (
    SOCKET_PATH_BYTES,
    check_file_path,
    check_group,
    check_socket_path,
    check_user,
)


def test_a_socket_has_a_path_that_the_kernel_takes() -> None:
    longest = Path("/" + "x" * (SOCKET_PATH_BYTES - 1))
    assert check_socket_path(longest) == longest
    with pytest.raises(PydanticCustomError, match="bytes long"):
        check_socket_path(Path(f"{longest}y"))
    for check in (check_socket_path, check_file_path):
        with pytest.raises(PydanticCustomError, match="must be the path of"):
            check(Path("/"))
    assert check_file_path(Path("run/jobs.db")) == Path("run/jobs.db")


def test_users_by_number_and_by_name() -> None:
    me = pwd.getpwuid(os.getuid())
    assert check_user(me.pw_uid) == check_user(str(me.pw_uid)) == check_user(me.pw_name)
    with pytest.raises(PydanticCustomError, match="there is no user"):
        check_user("nobody-has-this-name")
    with pytest.raises(PydanticCustomError, match="is not a user number"):
        check_user(-1)


def test_groups_by_name() -> None:
    known = grp.getgrall()[0].gr_name
    assert check_group(known) == known and check_group("") == ""
    with pytest.raises(PydanticCustomError, match="there is no group"):
        check_group("nobody-has-this-name")

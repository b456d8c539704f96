"""Checks across sections: a name that is used must be there."""

import pytest
from pydantic_core import PydanticCustomError

from config.checks import check_inbound
from config.inbound import Inbound, Room


def test_routes_name_what_there_is() -> None:
    route = Inbound(name="a", queue="sales", trunks=["pbx"], room="vip")
    check_inbound([route], [Room(name="vip")], {"pbx"}, {"sales"})
    for rooms, trunks, queues in (
        ([], {"pbx"}, {"sales"}),
        ([Room(name="vip")], set[str](), {"sales"}),
        ([Room(name="vip")], {"pbx"}, set[str]()),
    ):
        with pytest.raises(PydanticCustomError, match="there is no"):
            check_inbound([route], rooms, trunks, queues)

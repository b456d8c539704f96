"""Which inbound route takes a call, by the dialled number and the trunk."""

import pytest

from config.inbound import Inbound as Route
from engine.inbound.inbound_routes import find_route

ROUTES = [
    Route(name="exact", number="+442079460000", exact=True, queue="sales"),
    Route(name="local", number="0800", queue="sales"),
    Route(name="one-trunk", number="+44", trunks=["one"], queue="sales"),
    Route(name="any", trunks=["one", "two"], queue="sales"),
]


@pytest.mark.parametrize(
    ("dialled", "trunk", "route"),
    [
        (("+442079460000",), "one", "exact"),
        (("+442079460000",), "three", "exact"),
        (("+4420794600001",), "one", "one-trunk"),
        (("+448001234567", "08001234567"), "two", "local"),
        (("+442079460001",), "two", "any"),
        (("sales",), "two", "any"),
        (("",), "two", "any"),
        (("+442079460001",), "three", None),
    ],
)
def test_the_first_route_that_fits_is_used(
    dialled: tuple[str, ...], trunk: str, route: str | None
) -> None:
    found = find_route(ROUTES, dialled, trunk)
    assert (found and found.name) == route

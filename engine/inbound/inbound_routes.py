"""Which `[[inbound]]` route takes a call: the first that fits the dialled number and the trunk."""

from collections.abc import Sequence

from config.inbound import Inbound as Route


def find_route(routes: Sequence[Route], dialled: Sequence[str], trunk: str) -> Route | None:
    """The first route of a call by `trunk` to the number that is written as any of `dialled`."""
    for route in routes:
        if route.trunks and trunk not in route.trunks:
            continue
        if any(_fits(route, number) for number in dialled):
            return route
    return None


def _fits(route: Route, number: str) -> bool:
    return number == route.number if route.exact else number.startswith(route.number)

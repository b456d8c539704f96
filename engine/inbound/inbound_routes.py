"""Which queue a call that comes in enters: the configured [[inbound]] routes."""

from collections.abc import Sequence

from config.inbound import Inbound as Route


class InboundRoutes:
    """The routes in their order: the first that fits is the call's."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)

    def find(self, dialled: Sequence[str], trunk: str) -> Route | None:
        """The route of a call by `trunk` to the number that is written as any of `dialled`."""
        for route in self._routes:
            if route.trunks and trunk not in route.trunks:
                continue
            if any(_fits(route, number) for number in dialled):
                return route
        return None


def _fits(route: Route, number: str) -> bool:
    return number == route.number if route.exact else number.startswith(route.number)

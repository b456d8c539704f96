"""The methods about trunks: trunk.*."""

from typing import Annotated, Literal, TypedDict

from msgspec import Meta

from ...calls.call import CallRegistry
from ...errors import EngineError
from ...request import Identifier, Params
from ...routing.hosts.trunk_health import HostState
from ...routing.trunk_figures import TrunkCounts, TrunkFigures
from ...routing.trunks import Trunks, TrunkView
from ..connections.peer import Peer
from ..method import Method
from .pages import Paged, after_named, cursor_at, page_of


class TrunkRef(Params):
    """trunk.get."""

    trunk: Identifier


class TrunkRegistration(TypedDict):
    """The registration of a trunk."""

    state: Literal["registering", "registered", "unregistered", "failed"]
    """How it stands."""
    reason: str | None
    """What the registrar said last."""
    host: str | None
    """The host that has the binding; null while there is none."""
    address: str | None
    """Its address."""
    service_route: list[str]
    """The values of Route that it wants in calls (RFC 3608)."""
    path: list[str]
    """The proxies by which calls come from it (RFC 3327)."""


class TrunkHostStatus(TypedDict):
    """A host of a trunk."""

    host: str
    """Its URI."""
    sent_to: str
    """The URI that its requests are sent to: that of the outbound proxy, where there is one."""
    priority: int
    """How soon it is tried, the lowest first."""
    weight: int
    """How often it is the first of those of its priority."""
    state: Literal["up", "down"]
    """Whether calls go by it. One that is down is passed over while another is up."""
    cause: str | None
    """Why it is down."""
    options_status: int | None
    """Its last answer to an OPTIONS; null: none came, or it was not asked."""
    options_round_trip_s: float | None
    """How long that took."""


CallsNow = TypedDict(
    "CallsNow",
    {
        "in": Annotated[int, Meta(description="Those that came in.")],
        "out": Annotated[int, Meta(description="Those that were dialled.")],
    },
)
"""The legs that go by a trunk now: those that came in, and those that were dialled."""


class TrunkStatus(TrunkCounts):
    """trunk.get: a trunk, and how calls by it went."""

    trunk: str
    """The name."""
    uri: str
    """Where it is."""
    state: Literal["up", "down"]
    """Whether calls go by it. One that is down is passed over."""
    cause: str | None
    """Why it is down."""
    registration: TrunkRegistration | None
    """Its registration; null where it has none."""
    hosts: list[TrunkHostStatus]
    """Where its requests are sent; one without `hosts` has its own `uri`."""
    qualify_s: float
    """How often each of them is sent an OPTIONS; 0: only while a call has found it silent."""
    max_calls: int
    """How many calls may be dialled by it at a time; 0: any number."""
    max_calls_per_s: float
    """How many calls may begin by it a second; 0: any number."""
    calls: CallsNow
    """The calls that are up, being dialled or ringing: `in` came in, `out` were dialled."""


class TrunkList(TypedDict):
    """trunk.list."""

    trunks: list[TrunkStatus]
    """The trunks, in the order of the configuration."""
    cursor: str | None
    """What asks for the next page; null: there is none."""


class TrunkMethods:
    """What a client may ask of the trunks."""

    def __init__(self, trunks: Trunks, figures: TrunkFigures, registry: CallRegistry) -> None:
        self._trunks = trunks
        self._figures = figures
        self._registry = registry

    def table(self) -> dict[str, Method]:
        """Method names, with the parameters each takes and what it does."""
        return {
            "trunk.get": Method(TrunkRef, self._get),
            "trunk.list": Method(Paged, self._list, is_large=True),
        }

    async def _list(self, params: Paged, _peer: Peer) -> TrunkList:
        views = {view["name"]: view for view in self._trunks.view()}
        calls = self._calls()
        found = after_named(views, params.cursor, "trunk.list")
        page = await page_of(found, lambda view: self._status(view, calls), params.limit)
        cursor = None if page.last is None else cursor_at(views, page.last["name"])
        return {"trunks": page.views, "cursor": cursor}

    def _get(self, params: TrunkRef, _peer: Peer) -> TrunkStatus:
        for view in self._trunks.view():
            if view["name"] == params.trunk:
                return self._status(view, self._calls())
        raise EngineError("not_found", f"there is no trunk named {params.trunk!r}", field="trunk")

    def _calls(self) -> dict[str, CallsNow]:
        """By the name of each trunk that has any."""
        counted: dict[str, CallsNow] = {}
        for leg in self._registry.legs.values():
            trunk = leg.record.trunk
            if trunk is not None and leg.record.ended is None:
                calls = counted.setdefault(trunk, {"in": 0, "out": 0})
                calls["in" if leg.called_us else "out"] += 1
        return counted

    def _status(self, view: TrunkView, calls: dict[str, CallsNow]) -> TrunkStatus:
        name, state = view["name"], view["state"]
        cause = view["down"]
        if state == "failed":
            cause = f"the registration failed: {view['reason']}"
        registration: TrunkRegistration | None = None
        if state != "static":
            binding = self._trunks.binding(name)
            registration = {
                "state": state,
                "reason": view["reason"],
                "host": None if binding is None else binding.host,
                "address": None if binding is None else str(binding.hop),
                "service_route": [] if binding is None else list(binding.service_route),
                "path": [] if binding is None else list(binding.path),
            }
        return {
            "trunk": name,
            "uri": view["uri"],
            "state": "up" if cause is None else "down",
            "cause": cause,
            "registration": registration,
            "hosts": [_host_status(one) for one in self._trunks.hosts(name)],
            "qualify_s": self._trunks.qualify_s(name),
            "max_calls": self._trunks.load.max_calls(name),
            "max_calls_per_s": self._trunks.load.max_calls_per_s(name),
            "calls": calls.get(name, {"in": 0, "out": 0}),
            **self._figures.of(name),
        }


def _host_status(state: HostState) -> TrunkHostStatus:
    taken_s = state.round_trip_s
    return {
        "host": state.host.name,
        "sent_to": state.host.sent_to,
        "priority": state.host.priority,
        "weight": state.host.weight,
        "state": "up" if state.down is None else "down",
        "cause": state.down,
        "options_status": state.options_status,
        "options_round_trip_s": None if taken_s is None else round(taken_s, 4),
    }

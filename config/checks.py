"""Checks across sections: names that one section uses of another, and what stands twice.

Each raises as pydantic's validators do, naming the key.
"""

from collections.abc import Iterable, Sequence

from .agents import ONE_WORKER, Agent
from .calendars import Calendar
from .inbound import Inbound, Room
from .policy import Rate
from .queues import Centre, Queue
from .rights import TOKEN_LENGTH, Right
from .rules import Rule
from .sections import Control, Route, Trunk, first_duplicate
from .values import host_of, wrong


def check_inbound(
    routes: list[Inbound], rooms: list[Room], trunks: set[str], queues: set[str]
) -> None:
    """Raise where an [[inbound]] route names a trunk, queue or room that there is not."""
    known_rooms = {room.name for room in rooms}
    for index, route in enumerate(routes):
        for name in route.trunks:
            if name not in trunks:
                raise wrong(f"inbound[{index}].trunks", f"there is no trunk named {name!r}")
        if route.queue not in queues:
            raise wrong(f"inbound[{index}].queue", f"there is no queue named {route.queue!r}")
        if route.room and route.room not in known_rooms:
            raise wrong(f"inbound[{index}].room", f"there is no room named {route.room!r}")


def check_rules(
    rules: list[Rule],
    trunks: set[str],
    queues: set[str],
    calendars: set[str],
    centres: set[str],
) -> None:
    """Raise where two rules have one name, or one names a trunk, queue or the like there is not."""
    twice = first_duplicate([rule.name for rule in rules])
    if twice is not None:
        raise wrong("rules", f"the name {twice!r} stands twice")
    for index, rule in enumerate(rules):
        where = f"rules[{index}]"
        if rule.set.trunk is not None and rule.set.trunk not in trunks:
            raise wrong(f"{where}.set.trunk", f"there is no trunk named {rule.set.trunk!r}")
        if rule.set.queue is not None and rule.set.queue not in queues:
            raise wrong(f"{where}.set.queue", f"there is no queue named {rule.set.queue!r}")
        if rule.set.centre is not None and rule.set.centre not in centres:
            raise wrong(f"{where}.set.centre", f"there is no centre named {rule.set.centre!r}")
        for name in rule.match.queue or []:
            if name not in queues:
                raise wrong(f"{where}.match.queue", f"there is no queue named {name!r}")
        calendar = rule.match.calendar
        if calendar is not None and calendar not in calendars:
            raise wrong(f"{where}.match.calendar", f"there is no calendar named {calendar!r}")


def check_rates(rates: Sequence[Rate]) -> None:
    """Raises an error where two rates are for the same prefix."""
    twice = first_duplicate([rate.prefix for rate in rates])
    if twice is not None:
        raise wrong("rates", f"the prefix {twice!r} stands twice")


def check_rights(rights: Sequence[Right], control: Control) -> None:
    """Raises an error where one stands twice, or TCP is served and no token opens it."""
    twice = first_duplicate([right.name for right in rights])
    if twice is not None:
        raise wrong("rights", f"the name {twice!r} stands twice")
    for key in ("user", "group"):
        named = [str(getattr(right, key)) for right in rights if getattr(right, key) != ""]
        twice = first_duplicate(named)
        if twice is not None:
            raise wrong("rights", f"the {key} {twice} stands twice")
    given = [right.token.get_secret_value() for right in rights]
    tokens = [token for token in (control.token.get_secret_value(), *given) if token]
    if any(len(token) < TOKEN_LENGTH for token in tokens) and (rights or control.default_role):
        raise wrong("control.token", f"must have at least {TOKEN_LENGTH} characters")
    if first_duplicate(tokens) is not None:
        raise wrong("rights", "one token stands twice")
    if control.tcp and not tokens:
        raise wrong(
            "control.token", "control.tcp needs a token (or token_file), here or in [[rights]]"
        )


class OutsideTargets:
    """The places outside that may be called: by the permitted hosts, the trunks and the routes."""

    def __init__(
        self, allow_hosts: Iterable[str], trunks: Iterable[Trunk], routes: Iterable[Route]
    ) -> None:
        self._hosts = {host_of(f"sip:{host}") for host in allow_hosts}
        self._hosts |= {host_of(trunk.uri) for trunk in trunks}
        self._prefixes = [route.prefix for route in routes]

    def check(self, key: str, outside: str) -> None:
        """Raise where `outside`, a sip: URI or a number, cannot be called."""
        if outside[:4].lower() == "sip:":
            if host_of(outside) not in self._hosts:
                raise wrong(key, f"host {host_of(outside)!r} is not in dial.allow_hosts")
        elif outside.startswith("+"):
            number = "+" + "".join(filter(str.isdigit, outside))
            if not any(number.startswith(prefix) for prefix in self._prefixes):
                raise wrong(key, f"no route takes {number}")


def check_centres(
    centres: Sequence[Centre], calendars: Sequence[Calendar], outside: OutsideTargets
) -> None:
    """Raise where a centre names a calendar there is not, or a number that cannot be called."""
    known = {calendar.name for calendar in calendars}
    for index, centre in enumerate(centres):
        _known(f"centres[{index}].calendar", "calendar", [centre.calendar], known)
        outside.check(f"centres[{index}].number", centre.number)


def check_agents(
    agents: Sequence[Agent], queues: set[str], centres: set[str], media_workers: int
) -> None:
    """Raise where an agent names a queue or centre there is not, or a line cannot be permanent."""
    for index, agent in enumerate(agents):
        _known(f"agents[{index}].queues", "queue", agent.queues, queues)
        _known(f"agents[{index}].centre", "centre", [agent.centre], centres)
        if agent.permanent and media_workers > 1:
            raise wrong(f"agents[{index}].permanent", ONE_WORKER)


def check_queues(
    queues: Sequence[Queue],
    agents: Sequence[Agent],
    centres: Sequence[Centre],
    calendars: Sequence[Calendar],
    outside: OutsideTargets,
) -> None:
    """Raise where a queue names an agent, queue, centre, calendar or number there is not."""
    known_agents = {agent.name for agent in agents}
    known_calendars = {calendar.name for calendar in calendars}
    known_centres = {centre.name for centre in centres}
    known_queues = {queue.name for queue in queues}
    for index, queue in enumerate(queues):
        key = f"queues[{index}]"
        _known(f"{key}.agents", "agent", queue.agents, known_agents)
        _known(f"{key}.calendar", "calendar", [queue.calendar], known_calendars)
        for number, tier in enumerate(queue.tiers):
            _known(f"{key}.tiers[{number}].agents", "agent", tier.agents, known_agents)
            _known(f"{key}.tiers[{number}].queues", "queue", tier.queues, known_queues)
            _known(f"{key}.tiers[{number}].centres", "centre", tier.centres, known_centres)
        for number, share in enumerate(queue.shares):
            at = f"{key}.shares[{number}]"
            _known(f"{at}.centre", "centre", [share.centre], known_centres)
            _known(f"{at}.calendar", "calendar", [share.calendar], known_calendars)
        for number, vip in enumerate(queue.vip):
            _known(f"{key}.vip[{number}].agents", "agent", vip.agents, known_agents)
        for where, step in queue.overflows:
            at = f"{key}.{where}"
            _known(f"{at}.queue", "queue", [step.queue], known_queues)
            if step.queue == queue.name:
                raise wrong(f"{at}.queue", "must be another queue")
            _known(f"{at}.centre", "centre", [step.centre], known_centres)
            outside.check(f"{at}.number", step.number)


def _known(key: str, noun: str, names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name and name not in known:
            raise wrong(key, f"there is no {noun} named {name!r}")

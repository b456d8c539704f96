"""Who has a place on the control socket, and who gives way."""

import resource

import pytest

from engine.control.capacity.connection_limit import (
    IDLE_S,
    KEPT_PLACES,
    ConnectionLimit,
    Kind,
    Place,
    most_connections,
)

MOST = 4


class Tenant:
    """A connection that is idle, unless it is made busy."""

    def __init__(self) -> None:
        self.is_idle = True
        self.asked_at: float | None = None
        self.has_gone = False

    def give_way(self) -> None:
        self.has_gone = True


def enter(
    places: ConnectionLimit,
    now: float,
    *,
    kind: Kind = "local",
    owner: str = "www-data",
    root: bool = False,
    tenant: Tenant | None = None,
) -> tuple[Place, bool]:
    """A new connection, and whether it has a place."""
    place = Place(kind, owner, root, now, tenant or Tenant())
    return place, places.enter(place, now) is None


def gone(*places: Place) -> list[bool]:
    return [isinstance(one.tenant, Tenant) and one.tenant.has_gone for one in places]


def full(kind: Kind = "local", *, busy: bool = False) -> tuple[ConnectionLimit, list[Place]]:
    """As many as there are places, each a second after the other."""
    places = ConnectionLimit(lambda: MOST)
    found = []
    for second in range(MOST):
        tenant = Tenant()
        tenant.is_idle = not busy
        found.append(enter(places, second, kind=kind, tenant=tenant)[0])
    return places, found


def test_the_oldest_that_has_never_asked_gives_way() -> None:
    places, taken = full()
    assert isinstance(taken[0].tenant, Tenant)
    taken[0].tenant.asked_at = 1.0
    _place, is_in = enter(places, 10.0)
    assert is_in
    assert gone(*taken) == [False, True, False, False]
    assert len(places) == MOST


def test_of_those_that_have_asked_the_one_idle_longest_gives_way() -> None:
    places, taken = full()
    for number, one in enumerate(taken):
        assert isinstance(one.tenant, Tenant)
        one.tenant.asked_at = 50.0 - number
    assert enter(places, 60.0)[1]
    assert gone(*taken) == [False, False, False, True]


def test_those_at_work_do_not_give_way() -> None:
    places, taken = full(busy=True)
    place = Place("local", "www-data", False, 9.0, Tenant())
    refusal = places.enter(place, 9.0)
    assert refusal is not None
    assert refusal.kind == "unavailable"
    assert "4 connections" in refusal.message
    assert not any(gone(*taken))
    assert len(places) == MOST


def test_one_that_has_just_asked_is_at_work() -> None:
    places, taken = full()
    for one in taken:
        assert isinstance(one.tenant, Tenant)
        one.tenant.asked_at = 10.0
    assert not enter(places, 10.0 + IDLE_S / 2)[1]
    assert enter(places, 10.0 + IDLE_S)[1]


def test_of_the_owner_with_most_places_one_gives_way() -> None:
    places = ConnectionLimit(lambda: MOST)
    crm, _ = enter(places, 0.0, owner="crm")
    many = [enter(places, second, owner="widget")[0] for second in (1.0, 2.0, 3.0)]
    assert enter(places, 4.0, owner="crm")[1]
    assert gone(crm, *many) == [False, True, False, False]


def test_root_has_places_that_nobody_else_takes() -> None:
    places, taken = full(busy=True)
    for _ in range(KEPT_PLACES):
        assert enter(places, 9.0, owner="root", root=True)[1]
    assert not any(gone(*taken))
    idle = Tenant()
    idle.is_idle = True
    assert enter(places, 10.0, owner="root", root=True)[1]  # an idle one of root's gives way
    assert len(places) == MOST + KEPT_PLACES


def test_root_in_numbers_takes_no_place_of_others() -> None:
    places = ConnectionLimit(lambda: MOST)
    for second in range(3 * MOST):
        assert enter(places, float(second), owner="root", root=True)[1]
    assert enter(places, 20.0)[1]


def test_nobody_without_a_token_keeps_out_who_has_one() -> None:
    places, others = full("unknown", busy=True)
    client, is_in = enter(places, 9.0, kind="unknown", owner="192.0.2.9")
    assert is_in
    assert gone(*others) == [True, False, False, False]
    assert places.become_known(client, 10.0) is None
    for second in range(2 * MOST):
        assert enter(places, 20.0 + second, kind="unknown")[1]
    assert gone(client) == [False]


def test_the_known_are_bounded_too() -> None:
    places = ConnectionLimit(lambda: MOST)
    known = []
    for second in range(MOST):
        place, _ = enter(places, second, kind="unknown")
        assert isinstance(place.tenant, Tenant)
        place.tenant.is_idle = False
        assert places.become_known(place, second) is None
        known.append(place)
    another, _ = enter(places, 9.0, kind="unknown")
    refusal = places.become_known(another, 9.0)
    assert refusal is not None
    assert refusal.kind == "unavailable"
    assert places.become_known(known[0], 9.0) is None  # it is known already
    assert not any(gone(*known))


def test_a_place_that_is_given_back_is_free() -> None:
    places, taken = full(busy=True)
    places.leave(taken[1])
    places.leave(taken[1])
    assert enter(places, 9.0)[1]
    assert not any(gone(*taken))


@pytest.mark.parametrize(("descriptors", "most"), [(65536, 256), (1024, 128), (260, 32), (16, 8)])
def test_clients_leave_most_descriptors_to_calls(
    monkeypatch: pytest.MonkeyPatch, descriptors: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (descriptors, descriptors))
    assert most_connections(256) == most

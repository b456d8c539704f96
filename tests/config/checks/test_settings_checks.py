"""Every check across sections, together."""

from .all_faults import BASE, faults


def test_a_configuration_that_fits_together_has_no_fault() -> None:
    inbound = [{"name": "a", "queue": "sales", "trunks": ["pbx"], "room": "vip"}]
    rooms = [{"name": "vip"}, {"name": "sales"}, {"name": "default"}]
    assert faults(inbound=inbound, rooms=rooms) == []


def test_every_fault_is_told_and_each_name_that_stands_twice() -> None:
    found = faults(
        agents=[*BASE["agents"], *BASE["agents"]],
        queues=[{"name": "sales", "agents": ["x", "y"]}],
    )
    assert [key for key, _why in found] == [
        "agents[1].name",
        "queues[0].agents",
        "queues[0].agents",
    ]

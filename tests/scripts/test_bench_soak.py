import pytest

from scripts.bench.endings import ENDINGS, Ending
from scripts.bench.soak_part import grown, soak

WRONG = Ending("said to be completed", "busy", "answer-5", "completed")


@pytest.mark.timeout(240)
async def test_callbacks_of_every_ending_leave_nothing_behind() -> None:
    endings = [*ENDINGS, WRONG]
    found = await soak(3 * len(endings), 20.0, endings)
    # The one ending that is stated wrongly is found, each time, and no other.
    cause = "agent busy: 486 Busy Here, while dialing_agent"
    assert found.wrong == {f"said to be completed: failed, {cause}": 3}
    assert found.leaked == {}
    assert found.others == 0
    assert found.log == ""
    names = {name.rpartition(".")[2] for name in found.before}
    assert names >= {"calls", "legs", "transactions", "ports_free, less", "socket", "threads"}


def test_only_what_is_held_in_addition_counts() -> None:
    before = {"legs": 0.0, "engine.fd.file": 13.0, "transactions": 4.0}
    now = {"legs": 0.0, "engine.fd.file": 14.0, "transactions": 0.0, "tasks": 2.0}
    assert grown(before, now) == {"engine.fd.file": (13.0, 14.0), "tasks": (0, 2.0)}

"""What every call flow works with."""

from pathlib import Path

from config.sections import Dial
from engine.calls.services import random_id
from tests.support.scene import scene
from tests.support.virtual_loop import run


def test_ids_are_sixteen_hexadecimal_digits_and_differ() -> None:
    ids = {random_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in ids)


def test_other_settings_of_dialling_hold_from_then_on(tmp_path: Path) -> None:
    async def main() -> None:
        services = scene(tmp_path, caller_id="+442079460000").services
        assert services.dial.caller_id == "+442079460000"
        services.configure(Dial(caller_id="+442079460001"))
        assert services.dial.caller_id == "+442079460001"

    run(main())

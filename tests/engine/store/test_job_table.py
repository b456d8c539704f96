"""Jobs as they are read from the disk."""

import pytest

from engine.store import job_table
from engine.store.errors import StoreError


def test_job_that_cannot_be_read_is_logged() -> None:
    with pytest.raises(StoreError) as raised:
        job_table.decode(b'{"id": 5}')
    assert raised.value.reason == "corrupt"


def test_open_states_are_those_that_lead_somewhere() -> None:
    assert "queued" in job_table.OPEN_STATES
    assert "bridged" in job_table.OPEN_STATES
    assert "completed" not in job_table.OPEN_STATES

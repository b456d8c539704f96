"""Jobs as they are read from the disk."""

import pytest

from engine import stored_jobs
from engine.store_error import StoreError


def test_job_that_cannot_be_read_is_told() -> None:
    with pytest.raises(StoreError) as raised:
        stored_jobs.decode(b'{"id": 5}')
    assert raised.value.reason == "corrupt"


def test_open_states_are_those_that_lead_somewhere() -> None:
    assert "queued" in stored_jobs.OPEN_STATES
    assert "bridged" in stored_jobs.OPEN_STATES
    assert "completed" not in stored_jobs.OPEN_STATES

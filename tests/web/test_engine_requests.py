"""Requests of the gateway to the engine."""

from typing import cast

import pytest

from ringback_client import Client, ConnectionLost, RequestRejected
from ringback_client.errors import INVALID_PARAMS
from tests.support.virtual_loop import run
from tests.web.test_callback_service import ScriptedClient
from web.engine_requests import EngineRequests
from web.errors import Refusal


def test_a_request_whose_connection_was_lost_is_sent_once_more() -> None:
    async def script() -> None:
        lost = ConnectionLost("gone")
        client = ScriptedClient(record_get=[lost, {"id": "a"}], queue_get=[lost])
        requests = EngineRequests(cast(Client, client))
        assert await requests.call("record.get", id="a") == {"id": "a"}
        with pytest.raises(Refusal) as refused:
            await requests.call("queue.get")
        assert (refused.value.status, refused.value.reason) == (503, "engine")
        assert [method for method, _params in client.asked].count("queue.get") == 2

    run(script())


def test_what_the_engine_cannot_read_is_the_pages_fault() -> None:
    async def script() -> None:
        wrong = RequestRejected(INVALID_PARAMS, "no", {"field": "context"})
        client = ScriptedClient(record_get=[wrong])
        with pytest.raises(Refusal) as refused:
            await EngineRequests(cast(Client, client)).call("record.get", id="a")
        assert (refused.value.status, refused.value.reason) == (400, "bad_request")

    run(script())

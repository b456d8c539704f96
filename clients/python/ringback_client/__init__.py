"""A client of the control socket of Ringback, a callback telephony engine.

    async with await Client.connect("run/control.sock") as ringback:
        job = await ringback.callback(to="+442079460000", agent="alice", id="order-17")
        job = await ringback.wait_for_job(job["id"])

`Client` sends requests, `EventStream` delivers events, and every failure is a class of `errors`.
"""

from .client import ENDED, Client
from .connection import Event
from .errors import (
    ClientError,
    ConnectionLost,
    EngineError,
    Kind,
    NoEngine,
    NoReply,
    RequestRejected,
)
from .event_stream import EventStream

__all__ = [
    "ENDED",
    "PROTOCOL_VERSION",
    "Client",
    "ClientError",
    "ConnectionLost",
    "EngineError",
    "Event",
    "EventStream",
    "Kind",
    "NoEngine",
    "NoReply",
    "RequestRejected",
]

# The version of the control protocol that this client speaks.
PROTOCOL_VERSION = 1

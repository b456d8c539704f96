"""A method of the control protocol: what it takes, and the type of its reply."""

from collections.abc import Awaitable
from typing import TypedDict

import msgspec
import pytest

from engine.control.connections.peer import Peer
from engine.control.method import Method
from engine.control.params import JobRef, NoParams


class Told(TypedDict):
    """A reply."""

    told: bool


def _at_once(_params: NoParams, _peer: Peer) -> Told:
    return {"told": True}


async def _later(_params: NoParams, _peer: Peer) -> Told:
    return {"told": True}


def _sometime(_params: NoParams, _peer: Peer) -> Awaitable[Told]:
    return _later(_params, _peer)


@pytest.mark.parametrize("run", [_at_once, _later, _sometime])
def test_the_reply_is_of_the_type_that_comes_in_the_end(run: object) -> None:
    assert Method(NoParams, run).result is Told  # type: ignore[arg-type]


def test_a_reply_whose_type_is_said_is_of_that_type() -> None:
    def loose(_params: NoParams, _peer: Peer) -> object:
        return {}

    assert Method(NoParams, loose, result=Told).result is Told


def test_parameters_are_decoded_into_their_structure() -> None:
    method = Method(JobRef, lambda _params, _peer: None)
    assert method.params is JobRef
    assert method.decoder.decode(b'{"id": "job-1"}') == JobRef(id="job-1")
    with pytest.raises(msgspec.ValidationError, match="unknown field `more`"):
        method.decoder.decode(b'{"id": "job-1", "more": 1}')


def test_a_method_is_cheap_unless_it_says_otherwise() -> None:
    cheap = Method(NoParams, _at_once)
    assert (cheap.is_costly, cheap.is_large) == (False, False)
    large = Method(NoParams, _at_once, is_costly=True, is_large=True)
    assert (large.is_costly, large.is_large) == (True, True)

"""Who is about to be joined by a command hears before that the call is recorded."""

import asyncio
from collections.abc import Sequence

from .controlled_call import ControlledCall


async def tell_of_recordings(calls: Sequence[ControlledCall]) -> None:
    """Let the party of each of these calls hear that another of them is recorded, if one is.

    They are about to be joined. A recording whose announcement somebody does not hear ends. What
    was to be heard once is not heard again.
    """
    while due := _due(calls):
        await asyncio.gather(*(_tell(call, recorder) for call, recorder in due))


def _due(calls: Sequence[ControlledCall]) -> list[tuple[ControlledCall, ControlledCall]]:
    """Who has yet to hear of the recording of which call: of each party one recording."""
    due = {
        call: recorder
        for recorder in calls
        for call in calls
        if call is not recorder and call.is_up and recorder.recorded.must_tell(call.leg)
    }
    return list(due.items())


async def _tell(call: ControlledCall, recorder: ControlledCall) -> None:
    try:
        await recorder.recorded.tell_or_end(call.leg)
    finally:
        if call.is_up:
            call.arrange()

"""Real phones that each say a tone of their own, and whose tones each of them hears at a time."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tests.support.engines.process import EngineClient
from tests.support.phones.real.softphone import SoftphoneProcess, StartPhone
from tests.support.recording import Recording

HZ = {"agent": 600, "customer": 1500, "boss": 1050, "carol": 2200, "dave": 2900}
"""No tone is near another, nor near the hold music of engines in tests."""
SETTLES_S = 0.6
"""From a change to where every phone, on a busy machine too, has played what it had in store."""
LOOKED_AT_S = 0.9


async def event(
    engine: EngineClient, kind: str, *, not_leg: Collection[str] = (), **fields: Any
) -> dict[str, Any]:
    """The first event of this type with these fields, of a leg that is none of `not_leg`."""
    return await engine.line.events.wait_for(
        lambda event: (
            event["type"] == kind
            and event.get("leg") not in not_leg
            and all(event.get(name) == value for name, value in fields.items())
        ),
        timeout_s=40.0,
    )


class Hearing:
    """Phones by name, which answer by themselves, and what each has recorded."""

    def __init__(self, directory: Path, phones: dict[str, SoftphoneProcess]) -> None:
        self._directory = directory
        self.phones = phones
        self.spans: list[tuple[float, float]] = []
        self._recorded: dict[str, Recording] = {}

    @classmethod
    async def of(cls, softphone: StartPhone, directory: Path, *names: str) -> "Hearing":
        """Start a phone for each name."""
        started = await asyncio.gather(
            *(
                softphone(user=name, tone=HZ[name], record=directory / f"{name}.wav")
                for name in names
            )
        )
        return cls(directory, dict(zip(names, started, strict=True)))

    def uri(self, name: str) -> str:
        """The SIP address of a phone."""
        return self.phones[name].uri

    async def go_on(self, since: float) -> None:
        """Let them talk as they do since the Unix time `since`: a span to be looked at later."""
        self.spans.append((since + SETTLES_S, since + SETTLES_S + LOOKED_AT_S))
        await asyncio.sleep(SETTLES_S + LOOKED_AT_S)

    async def stop(self) -> None:
        """Stop the phones, and read what they have recorded."""
        await asyncio.gather(*(phone.stop() for phone in self.phones.values()))
        for name, phone in self.phones.items():
            if phone.seen("recording"):
                self._recorded[name] = phone.heard(self._directory / f"{name}.wav")

    def heard(self, name: str) -> list[str]:
        """In each span, the names of those whom `name` hears, parted by blanks."""
        recording = self._recorded[name]
        return [
            " ".join(
                sorted(
                    one for one in self.phones if recording.at(begin, end).hears(HZ[one], for_s=0.6)
                )
            )
            for begin, end in self.spans
        ]

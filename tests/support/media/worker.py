"""A media worker process, with a client and phones."""

from typing import Self

from media.protocol import messages as m
from media.protocol.messages import Connect
from media.settings import MediaSettings
from media.worker_client import WorkerClient
from tests.support.phones.wire.frames import FramePhone
from tests.support.ports import free_udp_range

HOST = "127.0.0.1"


class WorkerBench:
    """A worker process and its client, the events that came, and phones."""

    def __init__(self, pairs: int = 4, quarantine_s: float = 0.2) -> None:
        first = free_udp_range(2 * pairs)[0]
        self.events: list[m.Event] = []
        self.deaths: list[str] = []
        self.phones: list[FramePhone] = []
        self.client = WorkerClient(
            MediaSettings(HOST, (first, first + 2 * pairs - 1), quarantine_s=quarantine_s),
            on_event=self.events.append,
            on_died=self.deaths.append,
        )

    async def __aenter__(self) -> Self:
        await self.client.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.client.stop()
        for phone in self.phones:
            phone.close()

    async def phone(self, leg: str, fill: int) -> tuple[FramePhone, tuple[str, int]]:
        """A phone connected to a new leg, and the address of the leg."""
        phone = FramePhone(fill)
        self.phones.append(phone)
        endpoint = await self.client.open(leg)
        description = phone.describe(leg)
        self.client.connect(
            Connect(
                leg,
                host=description.host,
                port=description.port,
                rtcp_port=description.rtcp_port,
                codec="PCMU",
                payload_type=0,
                telephone_event_payload_type=101,
                direction="sendrecv",
            )
        )
        return phone, (endpoint.host, endpoint.port)

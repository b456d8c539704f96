"""User agents on a simulated network in virtual time: delay, loss, duplication, reordering."""

import heapq
import random
from collections.abc import Callable
from typing import TypeVar

import msgspec

from sip.auth.digest import Credentials
from sip.dialog.session import Session
from sip.dialog.uac import Invitation
from sip.dialog.uas import UasSession
from sip.errors import ParseError
from sip.events import Ended, Event, Failed, IncomingInvite
from sip.hop import Hop, Transport
from sip.message.message import Request, Response
from sip.message.parser import parse
from sip.rate_limit import RateLimit, SourceRates
from sip.saved import SavedSession
from sip.sdp.offer_answer import LocalAudio
from sip.transaction.timers import TimerValues
from sip.usage import DialogUsage
from sip.user_agent import Bounds, UserAgent

E = TypeVar("E")


def audio(port: int = 4000, host: str = "192.0.2.1") -> LocalAudio:
    return LocalAudio(host, port)


class SimulatedAgent:
    """A user agent at an address, with everything it reported and the sessions called in."""

    def __init__(
        self, network: "SimulatedNetwork", host: str, transport: Transport, ua: UserAgent
    ) -> None:
        self.network = network
        self.hop = Hop(transport, host, 5060)
        self.ua = ua
        ua.want_saves()
        self.kept: dict[str, bytes] = {}
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda event: None

    def invite(self, other: "SimulatedAgent", **fields: object) -> Session:
        """Call another agent."""
        suffix = ";transport=tcp" if other.hop.transport == "tcp" else ""
        settings: dict[str, object] = {
            "target": f"sip:bob@{other.hop.host}{suffix}",
            "hop": other.hop,
            "from_uri": f"sip:alice@{self.hop.host}",
            "audio": audio(host=self.hop.host),
            **fields,
        }
        session = self.ua.invite(Invitation(**settings), self.network.now)  # type: ignore[arg-type]
        self.network.flush(self)
        return session

    def do(self, action: Callable[..., None], *arguments: object, **named: object) -> None:
        """Call a method of a session with the time added, then send what it wants sent."""
        action(*arguments, now=self.network.now, **named)
        self.network.flush(self)

    def keep(self) -> None:
        """Keep what there is to be kept of sessions, as a store does."""
        for tag, saved in self.ua.take_saves():
            if saved is None:
                del self.kept[tag]
            else:
                self.kept[tag] = msgspec.json.encode(saved)

    def crash(self, *, credentials: Credentials | None = None) -> list[Session]:
        """Forget everything but what is kept; the sessions that the next process restores."""
        self.ua = UserAgent(
            local={self.hop.transport: (self.hop.host, 5060)},
            rng=random.Random(self.network.rng.getrandbits(64)),
        )
        self.ua.want_saves()
        self.events.clear()
        saved = [msgspec.json.decode(body, type=SavedSession) for body in self.kept.values()]
        return [self.ua.restore(one, credentials) for one in saved]

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def only(self, kind: type[E]) -> E:
        """The one event of its kind."""
        (event,) = self.of(kind)
        return event

    @property
    def incoming(self) -> UasSession:
        """The one call that came in."""
        session = self.only(IncomingInvite).session
        assert isinstance(session, UasSession)
        return session

    def ends(self, session: DialogUsage) -> list[Failed | Ended]:
        """How a session ended, as reported: must be one event."""
        return [
            event
            for event in self.events
            if isinstance(event, (Failed, Ended)) and event.session is session
        ]

    @property
    def leftovers(self) -> tuple[int, int, int, int]:
        """Sessions, dialogs, transactions, timers."""
        ua = self.ua
        return ua.session_count, ua.dialog_count, ua.transaction_count, ua.timer_count


class SimulatedNetwork:
    """Carries datagrams between agents; `log` holds (time, from, to, message)."""

    def __init__(
        self,
        seed: int = 1,
        *,
        loss: float = 0.0,
        duplication: float = 0.0,
        delay_s: tuple[float, float] = (0.01, 0.01),
    ) -> None:
        self.now = 0.0
        self.rng = random.Random(seed)
        self.loss = loss
        self.duplication = duplication
        self.delay_s = delay_s
        self.agents: dict[str, SimulatedAgent] = {}
        self.log: list[tuple[float, str, str, Request | Response]] = []
        self.drop: Callable[[str, Request | Response], bool] = lambda sender, message: False
        self._flying: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0

    def agent(
        self,
        host: str,
        *,
        transport: Transport = "udp",
        timers: TimerValues | None = None,
        rate_limit: RateLimit | None = None,
        bounds: Bounds | None = None,
    ) -> SimulatedAgent:
        ua = UserAgent(
            local={transport: (host, 5060)},
            timers=timers,
            rng=random.Random(self.rng.getrandbits(64)),
            rates=None if rate_limit is None else SourceRates(rate_limit),
            bounds=bounds,
        )
        agent = self.agents[host] = SimulatedAgent(self, host, transport, ua)
        return agent

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do something at a time."""
        self._sequence += 1
        heapq.heappush(self._flying, (time, self._sequence, action))

    def flush(self, agent: SimulatedAgent) -> None:
        """Send and report whatever an agent has to."""
        while True:
            for hop, data in agent.ua.take_output():
                self._carry(agent, hop, data)
            event = agent.ua.take_event()
            if event is None:
                agent.keep()
                return
            agent.events.append(event)
            agent.on_event(event)

    def _carry(self, sender: SimulatedAgent, hop: Hop, data: bytes) -> None:
        try:
            message = parse(data)
        except ParseError:
            # A refusal of what could not be read repeats the fields as they came.
            assert data.startswith((b"SIP/2.0 4", b"SIP/2.0 5"))
            return
        self.log.append((self.now, sender.hop.host, hop.host, message))
        lost = self.rng.random() < self.loss or self.drop(sender.hop.host, message)
        copies = 0 if lost else 2 if self.rng.random() < self.duplication else 1
        for _ in range(copies):
            self.inject(hop.host, data, sender.hop, after_s=self.rng.uniform(*self.delay_s))

    def inject(self, host: str, data: bytes, source: Hop, *, after_s: float = 0.0) -> None:
        """Let an agent receive a datagram."""

        def arrive() -> None:
            agent = self.agents.get(host)
            if agent is not None:
                agent.ua.receive(data, source, self.now)
                self.flush(agent)

        self.at(self.now + after_s, arrive)

    def run(self, until: float = 10_000.0) -> None:
        """Go on until nothing is left to happen, or until a time."""
        while True:
            deadlines = [
                (deadline, agent)
                for agent in self.agents.values()
                if (deadline := agent.ua.next_deadline()) is not None
            ]
            timer = min(deadlines, key=lambda pair: pair[0], default=None)
            arrival = self._flying[0][0] if self._flying else None
            if timer is None and arrival is None:
                break
            if arrival is not None and (timer is None or arrival <= timer[0]):
                if arrival > until:
                    break
                self.now = max(self.now, arrival)
                heapq.heappop(self._flying)[2]()
            elif timer is not None:
                if timer[0] > until:
                    break
                self.now = max(self.now, timer[0])
                timer[1].ua.handle_timers(self.now)
                self.flush(timer[1])
        self.now = max(self.now, until) if until < 10_000.0 else self.now

    def sent(self, method_or_status: str | int, sender: str | None = None) -> list[float]:
        """When messages of this method or status left."""
        return [
            at
            for at, host, _, message in self.log
            if (sender is None or host == sender)
            and (message.method if isinstance(message, Request) else message.status)
            == method_or_status
        ]

    def messages(self, method_or_status: str | int) -> list[Request | Response]:
        """The messages of this method or status."""
        return [
            message
            for _, _, _, message in self.log
            if (message.method if isinstance(message, Request) else message.status)
            == method_or_status
        ]


def pair(
    network: SimulatedNetwork, transport: Transport = "udp"
) -> tuple[SimulatedAgent, SimulatedAgent]:
    return (
        network.agent("192.0.2.1", transport=transport),
        network.agent("192.0.2.2", transport=transport),
    )


def established(
    network: SimulatedNetwork, alice: SimulatedAgent, bob: SimulatedAgent
) -> tuple[Session, Session]:
    call = alice.invite(bob)
    network.run(until=network.now + 0.1)
    bob.do(bob.incoming.accept, audio(4002))
    network.run(until=network.now + 0.1)
    assert (call.state, bob.incoming.state) == ("confirmed", "confirmed")
    return call, bob.incoming


def call_to_nobody(
    network: SimulatedNetwork,
) -> tuple[SimulatedAgent, SimulatedAgent, Session, Request]:
    """A call whose INVITE nobody takes: the test answers it in the place of the second agent."""
    alice, bob = pair(network)
    network.agents.pop(bob.hop.host)
    call = alice.invite(bob)
    invite = network.messages("INVITE")[0]
    assert isinstance(invite, Request)
    return alice, bob, call, invite


def clean(*agents: SimulatedAgent) -> None:
    for agent in agents:
        assert agent.leftovers == (0, 0, 0, 0)


def within(
    session: Session, method: str, *, number: int = 100, body: bytes = b"", **headers: str
) -> bytes:
    """A request that the peer of `session` might send within the dialog."""
    dialog = session.in_dialog
    fields = [
        ("Via", f"SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{method}{number}"),
        ("Max-Forwards", "70"),
        ("From", dialog.remote),
        ("To", dialog.local),
        ("Call-ID", session.call_id),
        ("CSeq", f"{number} {method}"),
        *((name.replace("_", "-"), value) for name, value in headers.items()),
    ]
    return Request(method, dialog.target, fields, body).encode()


def inject(
    network: SimulatedNetwork, data: bytes, sender: SimulatedAgent, receiver: SimulatedAgent
) -> list[Response]:
    """Let `receiver` have a datagram; the responses it gives at once."""
    before = len(network.log)
    network.inject(receiver.hop.host, data, sender.hop)
    network.run(until=network.now)
    return [
        message
        for _, host, _, message in network.log[before:]
        if host == receiver.hop.host and isinstance(message, Response)
    ]

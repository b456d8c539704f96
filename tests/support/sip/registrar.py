"""A registrar that answers as it is told, and the registration that it has."""

from collections.abc import Callable

from sip.events import RegistrationChanged
from sip.hop import Hop
from sip.message.message import Request, Response, response_to
from sip.registration.registration import Account, Registration
from tests.support.sip.network import SimulatedAgent, SimulatedNetwork

REGISTRAR = Hop("udp", "192.0.2.5", 5060)
Answer = Callable[[Request], Response | None]


def granted(expires_s: int) -> Answer:
    """A binding for this long."""

    def answer(request: Request) -> Response:
        contact = f"{request.get('Contact')};expires={expires_s}"
        return response_to(request, 200, to_tag="r", headers=[("Contact", contact)])

    return answer


def status(code: int, *fields: tuple[str, str]) -> Answer:
    """A response without a binding."""
    return lambda request: response_to(request, code, to_tag="r", headers=fields)


class Registrar:
    """Gives the answers in turn, the last one for ever; notes when what was asked."""

    def __init__(self, *answers: Answer, **account: object) -> None:
        self.network = SimulatedNetwork()
        self.agent: SimulatedAgent = self.network.agent("192.0.2.1")
        self.answers = list(answers)
        self.requests: list[tuple[float, Request]] = []
        self.network.drop = self.take
        settings: dict[str, object] = {
            "aor": "sip:alice@example.com",
            "registrar": "sip:example.com",
            "hop": REGISTRAR,
            "expires_s": 100,
            **account,
        }
        self.registration: Registration = self.agent.ua.register(
            Account(**settings),  # type: ignore[arg-type]
            0.0,
        )
        self.network.flush(self.agent)

    def take(self, sender: str, message: Request | Response) -> bool:
        """Answer a request; the network does not deliver it."""
        assert isinstance(message, Request)
        self.requests.append((self.network.now, message))
        answer = (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(message)
        if answer is not None:
            self.network.inject("192.0.2.1", answer.encode(), REGISTRAR)
        return True

    def run(self, until: float) -> None:
        """Let time pass."""
        self.network.run(until=until)

    @property
    def states(self) -> list[tuple[str, int | None, int]]:
        """What the engine heard: state, status, and for how long."""
        return [
            (event.state, event.status, event.expires_s)
            for event in self.agent.of(RegistrationChanged)
        ]

    @property
    def times(self) -> list[float]:
        """When each request came."""
        return [at for at, _ in self.requests]


OLD, NEW = Hop("udp", "192.0.2.50", 5060), Hop("udp", "192.0.2.51", 5060)

"""What is shown of queues and agents at this moment, beside the figures that are counted."""

from collections.abc import Iterator
from typing import Any

from config.settings import Settings

from ..acd.agents import AgentRegistry
from ..acd.queues import Queues
from ..callbacks.dispatcher import Dispatcher
from ..calls.call import CallRegistry
from ..job import site_of


class QueueView:
    """The configured queues, and how each of them is now."""

    def __init__(self, settings: Settings, queues: Queues) -> None:
        self._queues = queues
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Show the queues that are configured now."""
        self._names = [queue.name for queue in settings.queues]

    def names(self) -> list[str]:
        """The names of the configured queues, in the order of the configuration."""
        return self._names

    def now(self, name: str, now: float) -> dict[str, Any]:
        """Whether a queue is open, and how long the next one would wait. Empty: not known."""
        line = self._queues.matcher.queues.by_name.get(name)
        if line is None:
            return {}
        return {
            "paused": line.paused,
            "open": line.hours is None or line.hours.is_open(now),
            "expected_wait_s": line.expected.wait_s(len(line) + 1, now),
            "why_waiting": self._queues.why_waiting(name),
        }


class AgentView:
    """Each agent: the state, the queues, and with whom they talk."""

    def __init__(
        self,
        agents: AgentRegistry,
        queues: Queues,
        dispatcher: Dispatcher,
        registry: CallRegistry,
    ) -> None:
        self._agents = agents
        self._queues = queues
        self._dispatcher = dispatcher
        self._registry = registry

    def all(self) -> Iterator[dict[str, Any]]:
        """A view of each agent."""
        served = self._queues.matcher.staffing.services
        for agent in self._agents.all():
            yield {
                "agent": agent.name,
                "state": agent.state,
                "since": agent.since,
                "reason": agent.reason,
                "work": agent.work,
                "customer": None if agent.work is None else self._customer_of(agent.work),
                "queues": sorted(served(agent)),
                "centre": agent.centre,
                "calls": agent.calls,
                "talk_s": round(agent.talk_s, 3),
            }

    def _customer_of(self, work: str) -> dict[str, str | None] | None:
        """The customer of an open job, or of a call that is up."""
        job = self._dispatcher.job(work)
        if job is not None:
            request = job.request
            number = job.called or request.to
            return {"number": number, "queue": request.queue, "site": request.site}
        call = self._registry.calls.get(work)
        if call is None:
            return None
        about = call.about
        return {
            "number": about.get("number") or about.get("from"),
            "queue": about.get("queue"),
            "site": site_of(about.get("context")),
        }

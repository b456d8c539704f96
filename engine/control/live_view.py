"""What is shown of queues and agents at this moment, beside the figures that are counted."""

import heapq
from collections.abc import Iterator

from config.settings import Settings

from ..acd.agents import AgentRegistry
from ..acd.queues import Queues
from ..callbacks.dispatcher import Dispatcher
from ..calls.call import CallRegistry
from ..job import site_of
from ..reports.history import CustomerOf, History
from ..reports.live import LiveQueueNow
from .status_view import LiveAgent, LiveEntry


class Customers:
    """Whose a job or a call is: of those that are open, and of those that ended lately."""

    def __init__(self, dispatcher: Dispatcher, registry: CallRegistry, history: History) -> None:
        self._dispatcher = dispatcher
        self._registry = registry
        self._history = history

    def of(self, work: str) -> CustomerOf | None:
        """The customer of a job or call: number, queue and site; None where it is not known."""
        job = self._dispatcher.job(work)
        if job is not None:
            of_job = job.about()
            number = job.called or job.request.to
            return {"number": number, "queue": of_job["queue"], "site": of_job["site"]}
        call = self._registry.calls.get(work)
        if call is not None:
            about = call.about
            return {
                "number": about.get("number") or about.get("from"),
                "queue": about.get("queue"),
                "site": site_of(about.get("context")),
            }
        return self._history.customer_of(work)


class QueueView:
    """The configured queues, and how each of them is now."""

    def __init__(self, settings: Settings, queues: Queues, customers: Customers) -> None:
        self._queues = queues
        self._customers = customers
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Show the queues that are configured now."""
        self._names = [queue.name for queue in settings.queues]

    def names(self) -> list[str]:
        """The names of the configured queues, in the order of the configuration."""
        return self._names

    def now(self, name: str, now: float) -> LiveQueueNow:
        """Whether a queue is open, and how long the next one would wait. Empty: not known."""
        line = self._queues.matcher.queues.by_name.get(name)
        if line is None:
            return {}
        shown = line.view(now)
        return {
            "ringing": shown["offered"],
            "talking": shown["talking"],
            "paused": shown["paused"],
            "open": shown["open"],
            "expected_wait_s": shown["expected_wait_s"],
            "why_waiting": self._queues.views.why_waiting(name),
        }

    def first_waiting(self, most: int, now: float) -> list[LiveEntry]:
        """Those who wait for an agent and came first, over all queues."""
        entries = self._queues.matcher.entries.values()
        first = heapq.nsmallest(most, entries, key=lambda entry: entry.arrived_at)
        return [
            {
                "id": entry.id,
                "kind": entry.waiting.kind,
                "queue": entry.queue,
                "waited_s": round(entry.waited_s(now), 3),
                "priority": entry.priority,
                "customer": self._customers.of(entry.id),
            }
            for entry in first
        ]


class AgentView:
    """Each agent: the state, the queues, and with whom they talk."""

    def __init__(self, agents: AgentRegistry, queues: Queues, customers: Customers) -> None:
        self._agents = agents
        self._queues = queues
        self._customers = customers

    def all(self) -> Iterator[LiveAgent]:
        """A view of each agent."""
        served = self._queues.matcher.staffing.services
        now = self._agents.now()
        for agent in self._agents.all():
            yield {
                "agent": agent.name,
                "state": agent.state,
                "since": agent.since,
                "reason": agent.reason,
                "work": agent.work,
                "customer": None if agent.work is None else self._customers.of(agent.work),
                "queues": sorted(served(agent)),
                "centre": agent.centre,
                "calls": agent.calls,
                "talk_s": round(agent.time_in("talking", now), 3),
            }

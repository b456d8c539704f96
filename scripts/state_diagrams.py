"""Draws docs/states.md: the state machines of job, agent and queue entry, from their tables.

`python -m scripts.state_diagrams FILE` writes the page (`make diagrams`). It draws what a table
says and nothing else. A test compares the page with the tables.
"""

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.acd.agent import AGENT_TRANSITIONS
from engine.acd.queue_entry import ENDED, ENTRY_TRANSITIONS
from engine.job import TERMINAL_STATES, TRANSITIONS
from scripts.arguments import writable

HEAD = """\
# States

For example, an agent who is `available` becomes `reserved` when a call is offered to them, then
`ringing`, then `talking`.

`make diagrams` draws this page from the tables in the code: run it after a change of a table. A
state is entered only along an arrow. Anything else raises an error in the engine.
"""


@dataclass(frozen=True, slots=True)
class StateMachine:
    """One table: where it is in the code, its first state, its last ones (none: it never ends)."""

    title: str
    table: str
    about: str
    begins: str
    ends: Collection[str]
    leads_to: Mapping[Any, Collection[str]]

    @property
    def states(self) -> list[str]:
        """Every state, in the order in which each is first reached from the beginning."""
        found = [self.begins]
        for state in found:
            found += sorted({*self.leads_to.get(state, ())} - {*found})
        named = {*self.leads_to, *self.ends}.union(*self.leads_to.values())
        return found + sorted(named - {*found})

    def diagram(self) -> str:
        """The table as a Mermaid state diagram."""
        states = self.states
        lines = ["stateDiagram-v2", f"    [*] --> {self.begins}"]
        for state in states:
            lines += [
                f"    {state} --> {following}"
                for following in sorted(self.leads_to.get(state, ()), key=states.index)
            ]
        lines += [f"    {state} --> [*]" for state in states if state in self.ends]
        return "\n".join(lines)


MACHINES = (
    StateMachine(
        title="Callback job, agent first",
        table='engine/job.py, TRANSITIONS["agent_first"]',
        about="Between two attempts a job goes back to `queued`; from there it may expire.",
        begins="queued",
        ends=TERMINAL_STATES,
        leads_to=TRANSITIONS["agent_first"],
    ),
    StateMachine(
        title="Callback job, customer first",
        table='engine/job.py, TRANSITIONS["customer_first"]',
        about="The customer waits in `holding`, also between the offers to agents.",
        begins="queued",
        ends=TERMINAL_STATES,
        leads_to=TRANSITIONS["customer_first"],
    ),
    StateMachine(
        title="Agent",
        table="engine/acd/agent.py, AGENT_TRANSITIONS",
        about="A `reserved` agent belongs to one call. There is no end: agents log in again.",
        begins="logged_out",
        ends=(),
        leads_to=AGENT_TRANSITIONS,
    ),
    StateMachine(
        title="Queue entry: a caller or customer on the line",
        table='engine/acd/queue_entry.py, ENTRY_TRANSITIONS["call"]',
        about="An entry that moves to another queue stays `waiting`, and is counted in both.",
        begins="waiting",
        ends=ENDED,
        leads_to=ENTRY_TRANSITIONS["call"],
    ),
    StateMachine(
        title="Queue entry: a callback for which nobody is on the line yet",
        table='engine/acd/queue_entry.py, ENTRY_TRANSITIONS["callback"]',
        about="The same, but it cannot be abandoned: nobody waits on the line.",
        begins="waiting",
        ends=ENDED - {"abandoned"},
        leads_to=ENTRY_TRANSITIONS["callback"],
    ),
)


def page() -> str:
    """The whole of docs/states.md."""
    parts = [HEAD]
    for machine in MACHINES:
        parts.append(
            f"## {machine.title}\n\n{machine.about} Table: `{machine.table}`.\n\n"
            f"```mermaid\n{machine.diagram()}\n```\n"
        )
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page to the file that is named."""
    parser = argparse.ArgumentParser(prog="python -m scripts.state_diagrams", description=__doc__)
    parser.add_argument("file", type=writable, metavar="FILE", help="such as docs/states.md")
    Path(parser.parse_args(arguments).file).write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())

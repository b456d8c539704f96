"""`make demo`: a whole callback on this machine, with two softphones, and what each side heard.

Starts the daemon with the default configuration, an agent's and a customer's PJSIP phone, and
requests a callback as a service would. Exit status 0 only if everything was heard as it should be.
"""

import argparse
import asyncio
import signal
import sys
import time
import wave
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from config.settings import ConfigError, Settings, load
from ringback_client import Client, ClientError, EngineError

from .arguments import some_seconds
from .demo_stage import CONFIG, ROOT, Phone, StageError, free_port, running_daemon
from .demo_verdict import AGENT_HZ, CUSTOMER_HZ, Verdict, judge
from .hearing import Heard

AGENT = "alice"
WHISPER = "A visitor of shop dot example asks to be called back."
CONTEXT = {"site": "shop.example", "visitor": "Ms Jones", "page": "/prices"}
OPERATOR_RINGS_S, CUSTOMER_RINGS_S = 0.6, 1.5
TALK_S = 3.0
LIMIT_S = 28.0
RECORDINGS = Path("run/demo")


class Demo:
    """One run of the demo."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._requested = 0.0
        self._joined = asyncio.Event()

    async def run(self) -> Verdict:
        """Play the whole callback and judge it. Raises StageError, ClientError, EngineError."""
        (ROOT / RECORDINGS).mkdir(parents=True, exist_ok=True)
        async with running_daemon(self._settings, self._say) as client:
            agent_side, customer = await self._start_phones()
            try:
                job, hung_up = await self._call(client, customer)
            finally:
                await asyncio.gather(agent_side.stop(), customer.stop())
        heard = {phone.name: self._hear(phone) for phone in (agent_side, customer)}
        stats = {phone.name: phone.latest("stats") for phone in (agent_side, customer)}
        return judge(job, self._requested, hung_up, heard, stats)

    async def _start_phones(self) -> tuple[Phone, Phone]:
        agent = next(agent for agent in self._settings.agents if agent.name == AGENT)
        wanted = int(str(agent.uri).rpartition(":")[2].partition(";")[0])
        port = free_port("127.0.0.1", wanted)
        if port != wanted:
            self._say(f"port {wanted} of agent {AGENT} is taken: the agent is at {port}")
        started = await asyncio.gather(
            Phone.start(
                "agent",
                port=port,
                tone=AGENT_HZ,
                record=RECORDINGS / "agent.wav",
                answer_after=OPERATOR_RINGS_S,
            ),
            Phone.start(
                "customer",
                tone=CUSTOMER_HZ,
                record=RECORDINGS / "customer.wav",
                answer_after=CUSTOMER_RINGS_S,
            ),
            return_exceptions=True,
        )
        for phone in started:
            if isinstance(phone, BaseException):
                for other in started:
                    if isinstance(other, Phone):
                        await other.stop()
                raise phone
        agent_side, customer = (phone for phone in started if isinstance(phone, Phone))
        self._agent_address = AGENT if port == wanted else agent_side.uri
        return agent_side, customer

    async def _call(self, client: Client, customer: Phone) -> tuple[dict[str, Any], float]:
        """The job once it has ended, and when the customer hung up."""
        self._say(f"customer {customer.uri} asks to be called; agent is {self._agent_address}")
        async with client.events() as events:
            self._requested = time.time()
            job = await client.callback(
                to=customer.uri,
                agent=self._agent_address,
                whisper={"text": WHISPER},
                context=CONTEXT,
            )
            ended = asyncio.create_task(client.wait_for_job(job["id"], self._show, events=events))
            joined = asyncio.create_task(self._joined.wait())
            await asyncio.wait([ended, joined], return_when=asyncio.FIRST_COMPLETED)
            joined.cancel()
            if ended.done():
                raise StageError(f"the callback failed: {(await ended)['cause']}")
            await asyncio.sleep(TALK_S)
            hung_up = time.time()
            customer.command("hangup")
            return await ended, hung_up

    def _hear(self, phone: Phone) -> Heard:
        recording = phone.latest("recording")
        if not recording:
            raise StageError(f"the {phone.name}'s softphone has recorded nothing")
        try:
            return Heard.read(ROOT / recording["path"], recording["time"])
        except (OSError, wave.Error) as error:
            raise StageError(f"the {phone.name}'s recording cannot be read: {error}") from error

    def _show(self, event: dict[str, Any]) -> None:
        """Print an event as a line."""
        if event["type"] == "callback.bridged":
            self._joined.set()
        names = ["role", "result", "cause"]
        if event["type"].startswith("leg."):
            names = ["role", "sip_status", "reason", "digit"]
        words = [event.get(name) for name in names]
        detail = " ".join(str(word) for word in words if word)
        clock = 1000 * (event["time"] - self._requested)
        self._console.print(
            f"[dim]{clock:8.1f} ms[/] [bold]{event['type']:28}[/] {escape(detail)}", highlight=False
        )

    def _say(self, sentence: str) -> None:
        self._console.print(f"[cyan]{escape(sentence)}[/]", highlight=False)


async def _perform(settings: Settings, console: Console, limit_s: float) -> int:
    started = time.monotonic()
    performing = asyncio.current_task()
    assert performing is not None
    # Whatever ends the demo, the processes that it has started end with it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, performing.cancel)
    try:
        async with asyncio.timeout(limit_s):
            verdict = await Demo(settings, console).run()
    except (StageError, ClientError, EngineError) as error:
        console.print(f"[bold red]demo: {escape(str(error))}[/]")
        return 1
    except TimeoutError:
        console.print(f"[bold red]demo: not done in {limit_s:g} s[/]")
        return 1
    verdict.show(console)
    took = time.monotonic() - started
    ending = "[bold green]all of it holds[/]" if verdict.holds else "[bold red]not all holds[/]"
    console.print(f"{ending}; recordings in {RECORDINGS}, {took:.1f} s in all", highlight=False)
    return 0 if verdict.holds else 1


def main() -> int:
    """Run the demo. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--limit", type=some_seconds, default=LIMIT_S, help="give up after so many seconds [28]"
    )
    options = parser.parse_args()
    console = Console()
    try:
        settings = load(ROOT / CONFIG)
    except ConfigError as error:
        console.print(f"[bold red]demo: {escape(str(error))}[/]")
        return 2
    try:
        return asyncio.run(_perform(settings, console, options.limit))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("demo: stopped")
        return 1


if __name__ == "__main__":
    sys.exit(main())

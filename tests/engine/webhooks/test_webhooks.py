"""Webhooks from the event log to a real server that fails, hangs and goes away."""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from config.reporting import Notify
from engine.errors import EngineError
from engine.store.event_log import EventLog
from engine.store.store import Store
from engine.webhooks.signature import key_of, verify
from tests.support.ports import free_port
from tests.support.receiver import Received, Receiver, hangs
from tests.support.waiting import until
from tests.support.webhooks import SECRET, running, seqs, settings


async def test_an_event_arrives_signed_and_as_clients_see_it(tmp_path: Path) -> None:
    async with Receiver() as receiver, running(tmp_path / "db", settings(receiver.url)) as here:
        here.log.publish("callback.queued", job="j1", context={"site": "shop"})
        here.log.publish("leg.dialing", job="j1")  # not among its types
        await here.idle()
        (received,) = receiver.requests.items
        assert received.event["type"] == "callback.queued"
        assert received.event["context"] == {"site": "shop"}
        delivery = verify(key_of(SECRET), received.headers, received.body, time.time())
        assert delivery == f"{here.log.epoch}-{received.event['seq']}"
        assert received.headers["ringback-attempt"] == "1"
        view = here.crm.view()
        assert (view["delivered"], view["pending"], view["last_error"]) == (1, 0, None)


async def test_what_fails_is_repeated_and_keeps_the_order_of_its_job(tmp_path: Path) -> None:
    failures = {"j1": 3}

    def now_and_then(received: Received) -> web.Response:
        job = received.event["job"]
        failures[job] = failures.get(job, 0) - 1
        return web.Response(status=500 if failures[job] >= 0 else 200)

    async with (
        Receiver(now_and_then) as receiver,
        running(tmp_path / "db", settings(receiver.url)) as here,
    ):
        for state in ("queued", "dialing_agent", "completed"):
            for job in ("j1", "j2"):
                here.log.publish(f"callback.{state}", job=job)
        await here.idle()
        first, second, third = list(dict.fromkeys(seqs(receiver, "j1")))
        assert seqs(receiver, "j1") == [first] * 4 + [second, third]
        assert first < second < third
        ids = {r.headers["webhook-id"] for r in receiver.requests.items}
        assert len(ids) == 6
        attempts = [
            r.headers["ringback-attempt"]
            for r in receiver.requests.items
            if r.event["seq"] == first
        ]
        assert attempts == ["1", "2", "3", "4"]
        # The other job was not held up by it.
        order = [r.event["job"] for r in receiver.requests.items]
        assert order.index("j2") < len(order) - 1 - order[::-1].index("j1")


async def test_one_that_hangs_holds_up_its_connection_alone(tmp_path: Path) -> None:
    async def first_hangs(received: Received) -> web.StreamResponse:
        if received.event["job"] == "slow":
            return await hangs(received)
        return web.Response()

    given = settings("http://x/", connections=2, timeout_s=2.0, max_attempts=1)
    async with Receiver(first_hangs) as receiver:
        given = given.model_copy(update={"url": receiver.url})
        async with running(tmp_path / "db", given) as here:
            here.log.publish("callback.queued", job="slow")
            for number in range(20):
                here.log.publish("callback.queued", job=f"j{number}")
            await receiver.got(21, timeout_s=1.99)
            assert receiver.at_once <= 2
            await here.idle()
            assert here.crm.view()["latest_given_up"][0].reason == "no answer within 2 s"


async def test_a_delivery_given_up_is_published_and_can_be_tried_again(tmp_path: Path) -> None:
    broken = [True]

    def maybe(_received: Received) -> web.Response:
        return web.Response(status=418 if broken[0] else 200)

    async with Receiver(maybe) as receiver:
        given = settings(receiver.url, max_attempts=2, types=["callback.", "webhook."])
        async with running(tmp_path / "db", given) as here:
            seen: list[dict[str, Any]] = []
            here.log.watch(lambda event: seen.append(dict(event)))
            number = here.log.publish("callback.queued", job="j1")
            here.log.publish("callback.expired", job="j1")
            await here.idle()
            await here.log.settled()
            failed = [event for event in seen if event["type"] == "webhook.failed"]
            assert [(e["webhook"], e["event"], e["attempts"]) for e in failed] == [
                ("crm", number, 2),
                ("crm", number + 1, 2),
            ]
            assert failed[0]["reason"].startswith("418 ")
            # What a webhook does is not itself posted by a webhook.
            assert seqs(receiver) == [number, number, number + 1, number + 1]
            assert here.crm.view()["given_up"] == 2

            broken[0] = False
            with pytest.raises(EngineError, match="has not given up event 99"):
                await here.crm.retry(99)
            assert await here.crm.retry(number) == {"retried": 1, "not_kept": 0}
            assert await here.crm.retry(None) == {"retried": 1, "not_kept": 0}
            await here.idle()
            assert seqs(receiver)[4:] == [number, number + 1]
            assert here.crm.view()["given_up"] == 0


async def test_more_than_may_wait_in_memory_wait_in_the_log(tmp_path: Path) -> None:
    receiver = await Receiver().start()
    given = settings(receiver.url, max_pending=3, max_attempts=100)
    await receiver.stop()
    async with running(tmp_path / "db", given) as here:
        for number in range(10):
            here.log.publish("callback.queued", job=f"j{number % 2}")
            here.log.publish("leg.dialing", job=f"j{number % 2}")  # not among its types
        await here.log.settled()
        assert (len(here.crm.deliveries), here.crm.view()["behind"]) == (3, 14)
    async with running(tmp_path / "db", given) as here:  # its place is kept over a restart
        assert len(here.crm.deliveries) == 3
        here.log.publish("callback.queued", job="j1")
        await receiver.start()
        await until(lambda: here.crm.view()["behind"] == 0)
        here.log.publish("callback.queued", job="j0")
        await here.idle()
        assert sorted(set(seqs(receiver))) == [*range(1, 21, 2), 21, 22]
        for job in ("j0", "j1"):
            assert seqs(receiver, job) == sorted(set(seqs(receiver, job)))
        assert here.crm.view()["given_up"] == 0
    await receiver.stop()


async def test_a_webhook_so_far_behind_that_the_log_was_cut_is_published(tmp_path: Path) -> None:
    receiver = await Receiver().start()
    given = settings(receiver.url, max_pending=1, max_attempts=100)
    await receiver.stop()
    async with running(tmp_path / "db", given) as here:
        seen: list[dict[str, Any]] = []
        here.log.watch(lambda event: seen.append(dict(event)))
        for number in range(6):
            here.log.publish("callback.queued", job=f"j{number}")
        await here.log.settled()
        here.log.cut(4)
        await receiver.start()
        await until(lambda: 6 in seqs(receiver))
        assert seqs(receiver) == [1, 5, 6]
        (failed,) = [event for event in seen if event["type"] == "webhook.failed"]
        assert (failed["event"], failed["last_event"], failed["attempts"]) == (2, 4, 0)
        assert "no longer has it" in failed["reason"]
    await receiver.stop()


async def test_what_is_pending_survives_a_restart(tmp_path: Path) -> None:
    """The receiver is away while one engine ends and the next one begins."""
    receiver = await Receiver().start()
    given = settings(receiver.url, types=["callback.", "agent."])
    await receiver.stop()
    async with running(tmp_path / "db", given) as here:
        for number in range(5):
            here.log.publish("callback.queued", job=f"j{number % 2}")
        await here.log.settled()
        await asyncio.sleep(0.1)
        assert len(here.crm.deliveries) == 5
    async with running(tmp_path / "db", given) as here:
        here.log.publish("agent.available", agent="alice")
        await receiver.start()
        await here.idle()
        assert sorted(set(seqs(receiver))) == [1, 2, 3, 4, 5, 6]
        for job in ("j0", "j1"):
            assert seqs(receiver, job) == sorted(seqs(receiver, job))
    await receiver.stop()
    async with running(tmp_path / "db", given) as here:
        assert len(here.crm.deliveries) == 0


async def test_an_event_that_the_log_has_lost_is_given_up(tmp_path: Path) -> None:
    away = settings(f"http://127.0.0.1:{free_port()}/")
    async with running(tmp_path / "db", away) as here:
        for _ in range(3):
            here.log.publish("callback.queued", job="j1")
        await here.log.settled()
    store, log = Store(tmp_path / "db"), EventLog()
    await store.open()
    log.attach(store)
    log.cut(2)
    await store.close()
    async with running(tmp_path / "db", away) as here:
        assert [one.seq for one in here.crm.given_up] == [1, 2]
        assert len(here.crm.deliveries) == 1
        assert (await here.crm.retry(1)) == {"retried": 0, "not_kept": 1}


async def test_a_new_webhook_begins_with_the_next_event(tmp_path: Path) -> None:
    async with Receiver() as receiver, running(tmp_path / "db") as here:
        here.log.publish("callback.queued", job="j1")
        await here.log.settled()
        here.webhooks.reload([settings(receiver.url)], Notify())
        here.log.publish("callback.expired", job="j1")
        await here.idle()
        assert [received.event["type"] for received in receiver.requests.items] == [
            "callback.expired"
        ]


async def test_reload_moves_a_webhook_and_removes_one(tmp_path: Path) -> None:
    away = settings(f"http://127.0.0.1:{free_port()}/", retry_s=60.0, retry_most_s=60.0)
    async with Receiver() as receiver, running(tmp_path / "db", away) as here:
        here.log.publish("callback.queued", job="j1")
        await here.log.settled()
        await until(lambda: here.crm.counts.failures > 0)
        here.webhooks.reload([settings(receiver.url)], Notify())
        await here.idle()  # at once, not in a minute
        assert seqs(receiver) == [1]
        here.webhooks.reload([], Notify())
        here.log.publish("callback.expired", job="j1")
        await here.log.settled()
        await asyncio.sleep(0.05)
        assert seqs(receiver) == [1]
        with pytest.raises(EngineError, match="there is no webhook crm"):
            here.webhooks.named("crm")
    async with running(tmp_path / "db", settings(receiver.url)) as here:
        assert len(here.crm.deliveries) == 0


async def test_a_url_is_shown_without_its_secrets(tmp_path: Path) -> None:
    given = settings("https://user:word@crm.example:8443/in?token=abc")
    async with running(tmp_path / "db", given) as here:
        assert here.crm.view()["url"] == "https://crm.example:8443/in"


KILLED = """
import asyncio, pathlib, sys
from config.reporting import Notify, Webhook
from engine.store.event_log import EventLog
from engine.store.store import Store
from engine.webhooks.webhooks import Webhooks

async def main():
    store, log = Store(pathlib.Path(sys.argv[1])), EventLog()
    await store.open()
    log.attach(store)
    hook = Webhook(name="crm", url=sys.argv[2], secret="a secret of some length",
                   retry_s=0.02, retry_most_s=0.05)
    webhooks = Webhooks([hook], log, store, notify=Notify(), url_of={}.get)
    await webhooks.open()
    webhooks.start()
    log.listen(lambda event: print("heard", event.seq, flush=True))
    while True:
        for number in range(5):
            log.publish("callback.queued", job=f"j{number}")
        await asyncio.sleep(0.01)

asyncio.run(main())
"""


async def test_kill_9_loses_no_delivery(tmp_path: Path) -> None:
    """Everything published before a kill arrives, from this engine or the next, in order."""
    path = tmp_path / "db"
    calls = [0]

    def sometimes(_received: Received) -> web.Response:
        calls[0] += 1
        return web.Response(status=503 if calls[0] % 7 == 0 else 200)

    async with Receiver(sometimes) as receiver:
        seen: list[int] = []
        for lines in (40, 100, 300):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", KILLED, str(path), receiver.url,
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert process.stdout is not None
            out = b"".join([await process.stdout.readline() for _ in range(lines)])
            process.send_signal(signal.SIGKILL)
            out += await process.stdout.read()
            await process.wait()
            whole = out[: out.rfind(b"\n")]  # the kill may cut the last line anywhere
            seen += [
                int(line.split()[1]) for line in whole.splitlines() if line.startswith(b"heard ")
            ]
        async with running(path, settings(receiver.url)) as here:
            await here.idle()
        assert set(seen) <= set(seqs(receiver))
        for job in (f"j{number}" for number in range(5)):
            first_times = list(dict.fromkeys(seqs(receiver, job)))
            assert first_times == sorted(first_times)

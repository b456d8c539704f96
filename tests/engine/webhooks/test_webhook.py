"""One webhook: which events it gets, and how its receiver ends the deliveries."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from config.reporting import Notify
from engine.errors import EngineError
from tests.support.receiver import Received, Receiver, hangs
from tests.support.waiting import until
from tests.support.webhooks import RunningWebhooks, running, seqs, settings


def heard(here: RunningWebhooks) -> list[dict[str, Any]]:
    """The events about webhooks, as they come."""
    found: list[dict[str, Any]] = []

    def keep(event: Any) -> None:
        if event["type"].startswith("webhook."):
            found.append(dict(event))

    here.log.watch(keep)
    return found


class Gone:
    """A receiver that wants nothing any more, or does again; `jobs`: nothing of these."""

    def __init__(self, *jobs: str) -> None:
        self.is_gone = True
        self._jobs = jobs

    def __call__(self, received: Received) -> web.Response:
        is_of_these = not self._jobs or received.event.get("job") in self._jobs
        return web.Response(status=410 if self.is_gone and is_of_these else 204)


async def test_410_ends_the_deliveries_and_a_restart_does_not_begin_again(tmp_path: Path) -> None:
    gone = Gone()
    async with Receiver(gone) as receiver:
        given = settings(receiver.url, connections=1)
        async with running(tmp_path / "db", given) as here:
            seen = heard(here)
            for state in ("queued", "dialing_agent", "completed"):
                here.log.publish(f"callback.{state}", job="j1")
            await until(lambda: here.crm.ended_at is not None)
            await here.log.settled()
            (ended,) = seen
            assert (ended["type"], ended["webhook"]) == ("webhook.ended", "crm")
            assert (ended["event"], ended["undelivered"], "job" in ended) == (1, 3, False)
            assert ended["reason"].startswith("410 ")
            here.log.publish("callback.queued", job="j2")
            await here.idle()
            view = here.crm.view()
            assert (view["pending"], view["behind"], view["given_up"]) == (0, 0, 0)
            assert view["ended_at"] is not None
        async with running(tmp_path / "db", given) as here:
            assert here.crm.view()["ended_at"] is not None
            here.log.publish("callback.queued", job="j3")
            await here.idle()
            assert seqs(receiver) == [1]


async def test_after_410_a_retry_begins_again_with_the_next_event(tmp_path: Path) -> None:
    gone = Gone()
    async with Receiver(gone) as receiver, running(tmp_path / "db", settings(receiver.url)) as here:
        here.log.publish("callback.queued", job="j1")
        await until(lambda: here.crm.ended_at is not None)
        gone.is_gone = False
        assert await here.crm.retry(None) == {"retried": 0, "not_kept": 0}
        number = here.log.publish("callback.expired", job="j1")
        await here.idle()
        assert seqs(receiver) == [1, number]
        assert here.crm.view()["ended_at"] is None


@pytest.mark.parametrize("over_a_restart", [True, False])
async def test_after_410_another_url_begins_again(tmp_path: Path, over_a_restart: bool) -> None:
    async with Receiver(Gone()) as old, Receiver() as new:
        async with running(tmp_path / "db", settings(old.url)) as here:
            here.log.publish("callback.queued", job="j1")
            await until(lambda: here.crm.ended_at is not None)
            if not over_a_restart:
                here.webhooks.reload([settings(new.url)], Notify())
                number = here.log.publish("callback.expired", job="j1")
                await here.idle()
        if over_a_restart:
            async with running(tmp_path / "db", settings(new.url)) as here:
                number = here.log.publish("callback.expired", job="j1")
                await here.idle()
        assert seqs(new) == [number]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"sites": ["a.example"]}, ["j1", "j2"]),
        ({"queues": ["sales"]}, ["j1", "j3"]),
        ({"sites": ["a.example", "b.example"], "queues": ["sales"]}, ["j1", "j3"]),
        ({"sites": ["c.example"]}, []),
    ],
)
async def test_filters_leave_out_events_of_other_sites_and_queues_and_of_none(
    tmp_path: Path, filters: dict[str, list[str]], expected: list[str]
) -> None:
    async with (
        Receiver() as receiver,
        running(tmp_path / "db", settings(receiver.url, **filters)) as here,
    ):
        here.log.publish("callback.queued", job="j1", site="a.example", queue="sales")
        here.log.publish("callback.queued", job="j2", site="a.example", queue="service")
        here.log.publish("callback.queued", job="j3", site="b.example", queue="sales")
        here.log.publish("callback.queued", job="j4", context={"site": "elsewhere"})
        await here.idle()
        assert sorted(received.event["job"] for received in receiver.requests.items) == expected


# -- the URLs of requests ---------------------------------------------------------------------


def of_requests(receiver: Receiver, **values: Any) -> Notify:
    """[notify] that tries again quickly."""
    return Notify(hosts=[f"localhost:{receiver.port}"], retry_s=0.02, retry_most_s=0.05, **values)


async def test_a_url_of_a_request_gets_the_events_of_its_job_over_a_restart(tmp_path: Path) -> None:
    receiver = await Receiver().start()
    notify, urls = of_requests(receiver), {"j1": receiver.url}
    await receiver.stop()
    async with running(tmp_path / "db", notify=notify, urls=urls) as here:
        here.log.publish("callback.queued", job="j1", has_notify_url=True)
        here.log.publish("callback.queued", job="j2")
        here.log.publish("leg.dialing", job="j1", has_notify_url=True)
        await here.log.settled()
        await until(lambda: here.webhooks.of_requests.counts.failures > 0)
    async with running(tmp_path / "db", notify=notify, urls=urls) as here:
        here.log.publish("callback.completed", job="j1", has_notify_url=True)
        here.log.publish("callback.completed", job="erased", has_notify_url=True)
        await receiver.start()
        await here.log.settled()
        await until(lambda: not len(here.webhooks.of_requests.deliveries))
        assert seqs(receiver) == [1, 4]
        (first, _second) = receiver.requests.items
        assert first.headers["ringback-webhook"] == "notify_url"
        assert "webhook-signature" not in first.headers  # there is no secret
    await receiver.stop()


async def test_410_to_a_request_ends_the_deliveries_of_its_job_alone(tmp_path: Path) -> None:
    async with Receiver(Gone("j1")) as receiver:
        urls = {"j1": receiver.url, "j2": receiver.url}
        async with running(tmp_path / "db", notify=of_requests(receiver), urls=urls) as here:
            seen = heard(here)
            for job in ("j1", "j2"):
                here.log.publish("callback.queued", job=job, has_notify_url=True)
            await until(lambda: any(event["type"] == "webhook.ended" for event in seen))
            for job in ("j1", "j2"):
                here.log.publish("callback.completed", job=job, has_notify_url=True)
            await receiver.got(3)
            await here.log.settled()
            await until(lambda: not len(here.webhooks.of_requests.deliveries))
        async with running(tmp_path / "db", notify=of_requests(receiver), urls=urls) as here:
            here.log.publish("callback.annotated", job="j1", has_notify_url=True)
            here.log.publish("callback.annotated", job="j2", has_notify_url=True)
            await receiver.got(4)
        (ended,) = seen
        assert (ended["job"], ended["webhook"]) == ("j1", "notify_url")
        assert len(seqs(receiver, "j1")) == 1 and len(seqs(receiver, "j2")) == 3


async def test_what_the_server_of_a_request_says_is_not_repeated(tmp_path: Path) -> None:
    said = web.Response(status=403, text="what the engine alone may read")
    async with Receiver(lambda _: said) as receiver:
        notify, urls = of_requests(receiver, max_attempts=1), {"j1": receiver.url}
        async with running(tmp_path / "db", notify=notify, urls=urls) as here:
            seen = heard(here)
            here.log.publish("callback.queued", job="j1", has_notify_url=True)
            await until(lambda: here.webhooks.of_requests.given_up)
            await here.log.settled()
            assert [event["reason"] for event in seen] == ["403 Forbidden"]
            assert here.webhooks.of_requests.view()["last_error"] == "403 Forbidden"


async def test_one_host_that_hangs_leaves_connections_to_the_others(tmp_path: Path) -> None:
    async with Receiver(hangs) as slow, Receiver() as quick:
        urls = {f"slow{number}": slow.url for number in range(8)} | {"quick": quick.url}
        notify = of_requests(quick, connections=4, timeout_s=30.0)
        async with running(tmp_path / "db", notify=notify, urls=urls) as here:
            for job in urls:
                here.log.publish("callback.queued", job=job, has_notify_url=True)
            await quick.got(1)
            await slow.got(1)
            assert slow.at_once == 1


async def test_a_test_posts_once_and_says_what_came_back(tmp_path: Path) -> None:
    answers = iter((web.Response(), web.Response(status=503, text="busy")))
    async with (
        Receiver(lambda _: next(answers)) as receiver,
        running(tmp_path / "db", settings(receiver.url)) as here,
    ):
        before = here.log.seq
        tested = await here.crm.test()
        assert (tested["delivered"], tested["status"], tested["error"]) == (True, 200, None)
        tested = await here.crm.test()
        assert (tested["delivered"], tested["status"]) == (False, 503)
        assert tested["error"] == "503 Service Unavailable: busy"
        event = receiver.requests.items[0].event
        assert (event["type"], event["webhook"]) == ("webhook.test", "crm")
        assert here.log.seq == before and len(receiver.requests.items) == 2
        with pytest.raises(EngineError, match="no URL of its own"):
            await here.webhooks.of_requests.test()
    with pytest.raises(EngineError, match="delivers nothing yet") as stopped:
        await here.crm.test()
    assert stopped.value.kind == "unavailable"


async def test_other_terms_for_requests_hold_from_a_reload_on(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        urls = {"j1": receiver.url}
        async with running(tmp_path / "db", notify=Notify(), urls=urls) as here:
            here.webhooks.reload([], of_requests(receiver, max_attempts=3))
            assert here.webhooks.of_requests.receiver.settings.max_attempts == 3
            here.log.publish("callback.queued", job="j1", has_notify_url=True)
            await receiver.got(1)

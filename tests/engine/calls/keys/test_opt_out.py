"""Who is called ends it by a key: the number is blocked, and everybody hung up."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.policy import DoNotCall as DoNotCallSettings
from engine.callbacks.retry import Outcome
from engine.calls.keys.opt_out import BETWEEN_S, OptOut
from engine.job import Job
from engine.routing.admission import PolicySettings
from engine.routing.blocking.do_not_call import DoNotCall
from engine.store.errors import StoreError
from media.sources import Peer, Prompt
from tests.engine.callbacks.attempts.test_attempt import attempt, both_answer
from tests.support.jobs import callback_job
from tests.support.phones.scripted import ScriptedPhone
from tests.support.scene import Scene, run_scene
from tests.support.virtual_loop import run

NUMBER = "+442079460123"


def run_call(tmp_path: Path, keys: str, job: Job, **settings: Any) -> tuple[Scene, Outcome]:
    """A callback whose customer presses `keys` once they talk, and hangs up 100 s later."""

    async def script(stage: Scene) -> tuple[Scene, Outcome]:
        configured = DoNotCallSettings(**{"key": "*9"} | settings)
        stage.admission.apply(PolicySettings(do_not_call=configured))
        task = asyncio.create_task(attempt(stage, job).run())
        _agent, customer = await both_answer(stage)
        for key in keys:
            customer.presses(key)
            await asyncio.sleep(1)
        if not task.done():
            await asyncio.sleep(100)
            customer.on_hangup(None)
        return stage, await asyncio.wait_for(task, 1000)

    return run_scene(tmp_path, script)


def job_of(site: str | None = "shop.example") -> Job:
    job = callback_job("job-1", to=NUMBER, called=NUMBER)
    job.request = msgspec.structs.replace(job.request, site=site)
    return job


def blocked(stage: Scene) -> Any:
    return stage.admission.do_not_call.find(NUMBER, 0.0)


def test_the_number_is_blocked_and_everybody_hung_up(tmp_path: Path) -> None:
    stage, outcome = run_call(tmp_path, "1*9", job_of())
    assert (outcome.state, outcome.may_retry) == ("completed", False)
    assert outcome.cause == "the customer asked by a key not to be called again"
    entry = blocked(stage)
    assert (entry.until, entry.by) == (None, "called person")
    assert stage.last("customer.do_not_call")["job"] == "job-1"


@pytest.mark.parametrize(
    ("keys", "site", "settings"),
    [
        ("9*", "shop.example", {}),  # others
        ("*9", None, {}),  # of no site
        ("*9", "shop.example", {"key": ""}),  # not configured
    ],
)
def test_nothing_happens_otherwise(
    tmp_path: Path, keys: str, site: str | None, settings: dict[str, str]
) -> None:
    stage, outcome = run_call(tmp_path, keys, job_of(site), **settings)
    assert blocked(stage) is None
    assert "by a key" not in outcome.cause


def test_all_callbacks_may_have_it(tmp_path: Path) -> None:
    stage, _outcome = run_call(tmp_path, "*9", job_of(None), key_for="all")
    assert blocked(stage) is not None


def test_who_is_called_hears_of_it_before_they_talk(tmp_path: Path) -> None:
    async def script(stage: Scene) -> ScriptedPhone:
        configured = DoNotCallSettings(key="*9", key_announcement="file:/star-nine.wav")
        stage.admission.apply(PolicySettings(do_not_call=configured))
        task = asyncio.create_task(attempt(stage, job_of()).run())
        agent, customer = await both_answer(stage)
        await asyncio.sleep(30)
        (prompt, talk) = next(
            heard for heard in stage.media.heard.values() if isinstance(heard[0], Prompt)
        )
        assert (prompt.path, type(talk)) == ("/star-nine.wav", Peer)  # type: ignore[union-attr]
        agent.on_hangup(None)
        await task
        return customer

    run_scene(tmp_path, script)


class Unwritable:
    """A store that is full."""

    def put(self, _kind: str, _key: str, _value: Any) -> None: ...
    def drop(self, _kind: str, _key: str) -> None: ...
    async def load(self, _kind: str, _type: Any) -> dict[str, Any]:
        return {}

    async def flush(self) -> None:
        raise StoreError("disk_full", "no room")


def test_the_keys_belong_together_count_once_and_need_no_store() -> None:
    async def script() -> None:
        now, asked = [10.0], []
        numbers = DoNotCall(Unwritable())
        opt_out = OptOut(
            DoNotCallSettings(key="*9"), NUMBER, numbers,
            publish=lambda *_about, **_fields: None, on_asked=lambda: asked.append(1),
            now=lambda: now[0],
        )  # fmt: skip
        leg: Any = None
        opt_out.digit_pressed(leg, "*")
        now[0] += BETWEEN_S + 0.1
        opt_out.digit_pressed(leg, "9")
        assert not asked
        for key in "*9*9":
            opt_out.digit_pressed(leg, key)
        await asyncio.sleep(0)
        assert asked == [1]
        assert numbers.find(NUMBER, 11.0) is not None

    run(script())

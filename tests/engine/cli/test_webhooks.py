"""`ringback webhooks` against an engine."""

from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from config.reporting import Webhook
from engine.cli import webhooks
from tests.support.command_line import ringback
from tests.support.engines.in_process import request, running, settings_in
from tests.support.receiver import Receiver
from tests.support.waiting import until


async def test_webhooks_for_people_and_for_programs(tmp_path: Path) -> None:
    async with Receiver(lambda _: web.Response(status=500, text="[red]oh\x1b[2J")) as receiver:
        secret = SecretStr("a secret of some length")
        hook = Webhook(name="crm", url=receiver.url, secret=secret, max_attempts=1)
        settings = settings_in(tmp_path).model_copy(update={"webhooks": [hook]})
        async with running(settings) as (daemon, client):
            await client.callback(**request())
            await until(lambda: daemon.webhooks.named("crm").given_up)
            socket = settings.control.socket
            shown = await ringback(socket, "webhooks", "list")
            assert "\x1b" not in shown.out
            assert "crm" in shown.out and "500 Internal Server Error: [red]oh" in shown.out
            listed = await ringback(socket, "webhooks", "list", "--json")
            assert listed.json["webhooks"][0]["given_up"] == 1
            retried = await ringback(socket, "webhooks", "retry", "crm")
            assert retried.out == "1 deliveries are tried again\n"
            unknown = await ringback(socket, "webhooks", "retry", "erp", status=1)
            assert unknown.err == "ringback: there is no webhook erp\n"


async def test_webhooks_are_added_tested_and_removed_by_command(tmp_path: Path) -> None:
    answers = iter((web.Response(), web.Response(status=500, text="oh")))
    async with Receiver(lambda _: next(answers)) as receiver:
        settings = settings_in(tmp_path)
        async with running(settings) as (daemon, _client):
            socket = settings.control.socket
            (tmp_path / "secret").write_text("a secret of some length\n")
            added = await ringback(
                socket, "webhooks", "add", "crm", receiver.url, "--secret-file",
                str(tmp_path / "secret"), "--type", "callback.", "--site", "a", "--site", "b",
            )  # fmt: skip
            assert added.out == f"crm gets callback. at {receiver.url}\n"
            assert daemon.webhooks.named("crm").view()["sites"] == ["a", "b"]
            made = await ringback(socket, "webhooks", "add", "erp", receiver.url)
            assert "secret, which is shown once: whsec_" in made.out
            tested = await ringback(socket, "webhooks", "test", "crm")
            assert tested.out.startswith("delivered: 200 after ")
            tested = await ringback(socket, "webhooks", "test", "crm", status=1)
            assert tested.err == "not delivered: 500 Internal Server Error: oh\n"
            removed = await ringback(socket, "webhooks", "remove", "crm")
            assert removed.out == "crm is removed; 0 deliveries are dropped\n"
            missing = await ringback(
                socket, "webhooks", "add", "x", receiver.url, "--secret-file", "/nowhere", status=2
            )
            assert "/nowhere" in missing.err


def test_deliveries_that_are_lost_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    webhooks._print_retried({"retried": 2, "not_kept": 3})
    assert capsys.readouterr().out.splitlines() == [
        "2 deliveries are tried again",
        "3 are lost: the event log no longer has them",
    ]


def test_a_receiver_that_wants_nothing_more_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    counts = dict.fromkeys(("pending", "behind", "delivered", "failures", "given_up"), 0)
    one = {"webhook": "crm", "url": "https://crm.example", "last_error": "410 Gone",
           "ended_at": 1_790_000_000.0, "latest_given_up": [], **counts}  # fmt: skip
    webhooks._print_list({"webhooks": [one]})
    assert "crm: its receiver ended the deliveries at 2026-09-21" in capsys.readouterr().out

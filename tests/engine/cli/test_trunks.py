"""`ringback trunks` against an engine."""

from pathlib import Path

from engine.routing.trunk_figures import TrunkTry
from tests.support.command_line import ringback
from tests.support.engines.in_process import running, settings_in


async def test_trunks_for_people(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, _):
        figures = daemon.services.trunk_figures
        figures.note(TrunkTry("pbx", answered=True, post_dial_delay_s=1.5))
        figures.note(TrunkTry("pbx", failure="[red]Full\x1b[2J", status=503))
        listed = await ringback(settings.control.socket, "trunks")
        shown = await ringback(settings.control.socket, "trunks", "pbx")
        as_json = await ringback(settings.control.socket, "trunks", "pbx", "--json")
    assert "1 of 2" in listed.out and "50.0%" in listed.out
    assert "503" in shown.out and "[red]Full" in shown.out and "\x1b" not in shown.out
    assert "1.5 s, at most 1.5 s" in shown.out
    assert as_json.json["last_failures"][0]["status"] == 503


async def test_why_a_trunk_is_down_and_how_its_registration_stands(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with running(settings) as (daemon, _):
        daemon.trunks._report("pbx", "failed", "403 Forbidden")
        listed = await ringback(settings.control.socket, "trunks")
        shown = await ringback(settings.control.socket, "trunks", "pbx")
        unknown = await ringback(settings.control.socket, "trunks", "other", status=1)
    assert "pbx is down: the registration failed: 403 Forbidden" in listed.out
    assert "failed (403 Forbidden)" in shown.out
    assert unknown.err == "ringback: there is no trunk named 'other'\n"

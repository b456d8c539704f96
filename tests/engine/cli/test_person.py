"""`ringback person export` and `ringback person erase` against a whole engine."""

import json
from pathlib import Path

from tests.support.command_line import ringback
from tests.support.engines.in_process import request, running, settings_in

NUMBER = "+442079460123"


async def test_what_is_kept_is_written_to_a_file_and_erased_once_it_is_confirmed(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    socket, file = settings.control.socket, tmp_path / "person.json"
    async with running(settings) as (_daemon, client):
        await client.callback(**request(to=NUMBER, id="j1", not_before=4e9))
        refused = await ringback(socket, "person", "erase", NUMBER, "--yes", status=1)
        assert "j1 has not ended" in refused.text
        await client.call("callback.cancel", id="j1")
        await ringback(socket, "person", "export", NUMBER, "--output", str(file))
        assert [job["id"] for job in json.loads(file.read_text())["job"]] == ["j1"]
        await ringback(socket, "person", "erase", NUMBER, status=1)  # nobody confirms
        assert json.loads((await ringback(socket, "person", "export", NUMBER)).text)["job"]
        erased = await ringback(socket, "person", "erase", NUMBER, "--yes", "--json")
        assert erased.json["jobs"] == 1
        again = await ringback(socket, "person", "erase", NUMBER, "--yes")
        assert ["jobs", "0"] in [line.split() for line in again.out.splitlines()]
        left = json.loads((await ringback(socket, "person", "export", NUMBER)).text)
        assert left == {"number": NUMBER}

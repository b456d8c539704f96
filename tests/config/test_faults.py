"""Every fault of a file in one run, each with its line."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import load

TEXT = """\
[media]
workers = 0
ringing = "UK"
address = "0.0.0.0"

[[trunks]]
name = "pbx"
uri = "sip:192.0.2.1"
registre = true

[[routes]]
prefix = "0044"
trunks = ["pbx"]

[[agents]]
name = "alice"
ur = "sip:alice@192.0.2.2"

[[agents]]
name = "bob"
uri = "sip:bob@192.0.2.3"
queues = ["salse"]
centre = "leeds"

[[queues]]
name = "sales"
agents = ["alice", "bob", "carol"]
overflow = [
    { after_s = 5.0, queue = "service" },
    { after_s = 9.0, queue = "sales" },
]
"""


def faults(tmp_path: Path, text: str, **environ: str) -> list[str]:
    path = tmp_path / "ringback.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(path, environ)
    return [line.removeprefix(str(path)) for line in str(raised.value).splitlines()]


def test_every_fault_of_a_file_is_told_with_its_line(tmp_path: Path) -> None:
    found = faults(tmp_path, TEXT)
    assert [line.split(": ")[:2] for line in found] == [
        [":2", "media.workers"],
        [":3", "media.ringing"],
        [":4", "media.address"],
        [":9", "trunks[0].registre"],
        [":12", "routes[0].prefix"],
        [":17", "agents[0].ur"],
        [":22", "agents[1].queues"],
        [":23", "agents[1].centre"],
        [":27", "queues[0].agents"],
        [":29", "queues[0].overflow[0].queue"],
        [":30", "queues[0].overflow[1].queue"],
    ]
    assert found[5].endswith("unknown key; did you mean uri?")
    assert "'carol'" in found[8], "an agent with a fault is known all the same"


def test_what_the_environment_sets_is_said_to_be_set_there(tmp_path: Path) -> None:
    found = faults(tmp_path, TEXT, RINGBACK_MEDIA__WORKERS="0", RINGBACK_MEDIA__RINGING="GB")
    assert found[0] == (
        ": media.workers: must be greater than or equal to 1 (set by RINGBACK_MEDIA__WORKERS)"
    )
    assert found[1].startswith(":4: media.address: ")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("agents = 5\n[media]\nworkers = 0", [":1: agents", ":3: media.workers"]),
        ("agents = [5]\nzzz = 1", [":1: agents[0]", ":2: zzz"]),
        ("[[agents]]\n[[agents]]\nname = 'a'", [":1: agents[0].name", ":2: agents[1].uri"]),
        (
            "[[webhooks]]\nname = 'w'\nurl = 'no'\nsecret = 'short'\ntypes = []",
            [":3: webhooks[0].url", ":5: webhooks[0].types"],
        ),
    ],
)
def test_what_follows_from_a_fault_is_none(tmp_path: Path, text: str, lines: list[str]) -> None:
    found = faults(tmp_path, text)
    assert [": ".join(line.split(": ")[:2]) for line in found] == lines

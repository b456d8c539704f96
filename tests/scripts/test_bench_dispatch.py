"""The floor that the dispatch part of the bench measures is one that an engine takes."""

import random
from pathlib import Path

from config.settings import load
from scripts.bench.dispatch_part import QUEUES, configuration


def test_its_configuration_is_right(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(configuration(50, "127.0.0.1:5080", random.Random(1)))
    settings = load(file, environ={})
    assert [queue.name for queue in settings.queues] == list(QUEUES)
    assert len(settings.agents) == 50
    assert {len(agent.queues) for agent in settings.agents} == {1, 2, 3, 4}
    assert all(agent.skills["english"] >= 3 for agent in settings.agents)

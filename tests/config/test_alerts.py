"""[[alerts]] of a file."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.settings import load

ALERT = """
[[queues]]
name = "sales"
[[alerts]]
name = "long"
figure = "waiting"
above = 5.0
queue = "{queue}"
"""


def test_an_alert_is_about_a_queue_that_there_is(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(ALERT.format(queue="sales"))
    (alert,) = load(file, environ={}).alerts
    assert (alert.name, alert.above, alert.queue) == ("long", 5.0, "sales")
    file.write_text(ALERT.format(queue="sale"))
    with pytest.raises(ConfigError, match="there is no queue named 'sale'"):
        load(file, environ={})


def test_a_figure_that_there_is_not_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ringback.toml"
    file.write_text(ALERT.format(queue="").replace("waiting", "luck"))
    with pytest.raises(ConfigError, match="longest_wait_s"):
        load(file, environ={})

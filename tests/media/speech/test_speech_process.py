"""The process that speaks has nothing that is worth taking."""

import os
from pathlib import Path

import pytest

from media.speech import speech_pool
from media.speech.synthesizer import Synthesizer


def test_the_process_has_nothing_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_TOKEN", "s3cret")
    speech_pool.pool.close()
    with (tmp_path / "calls").open("w") as kept:
        os.set_inheritable(kept.fileno(), True)
        Synthesizer(tmp_path).prepare()
        (process,) = speech_pool.pool.processes.idle
        proc = Path("/proc", str(process.pid))
        opened = {os.readlink(entry) for entry in (proc / "fd").iterdir()}
        assert not {name for name in opened if name.startswith(str(tmp_path))}
        assert b"s3cret" not in (proc / "environ").read_bytes()
        limits = (proc / "limits").read_text()
    assert f"{512 * 1024 * 1024}" in limits
    speech_pool.pool.close()
    assert not proc.exists()

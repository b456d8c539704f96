"""The relay in C holds under sanitizers, with packets of all kinds, in one thread and in two."""

import re
from pathlib import Path

import pytest

from scripts.fuzz import relay


def test_nothing_is_found_in_a_second(tmp_path: Path) -> None:
    try:
        status, text = relay.fuzz_relay(2.0, tmp_path)
    except relay.NotCompiled as reason:
        pytest.skip(str(reason))
    assert status == 0, text
    assert len(re.findall(r"number_of_executed_units: \d+", text)) == len(relay.SANITIZERS)


def test_without_a_compiler_it_is_left_out_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "COMPILERS", ("no-such-compiler",))
    with pytest.raises(relay.NotCompiled, match="no C compiler here"):
        relay.compile_for("turns", tmp_path)


def test_what_does_not_compile_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "WARNINGS", ("-Wno-such-thing", "-fno-such-thing"))
    with pytest.raises(relay.NotCompiled, match=r"no-such-thing|no C compiler"):
        relay.compile_for("turns", tmp_path)

"""The changes of dialogs in two files that take turns."""

from pathlib import Path

from structlog.testing import capture_logs

from engine.restart.dialog_changes import MOST_BYTES, DialogChanges
from sip.saved import SavedSession


def saved(call_id: str) -> SavedSession:
    return SavedSession(call_id=call_id, local_tag="t", is_ours=True)


def last(path: Path) -> dict[str, str]:
    """What the next engine reads, as it is now."""
    return {tag: one.call_id if one else "over" for tag, one in DialogChanges(path).read().items()}


def test_the_last_change_of_each_counts_whichever_file_it_is_in(tmp_path: Path) -> None:
    changes = DialogChanges(tmp_path / "sock")
    changes.append([("a", saved("1")), ("b", saved("1"))])
    assert changes.take_turns()
    changes.append([("a", saved("2")), ("b", None)])
    assert last(tmp_path / "sock") == {"a": "2", "b": "over"}
    assert not changes.take_turns()  # the store does not have the first yet
    changes.append([("a", saved("3"))])
    changes.empty_other()
    assert last(tmp_path / "sock") == {"a": "3", "b": "over"}
    assert changes.take_turns()
    changes.append([("a", saved("4"))])
    changes.empty_other()
    assert last(tmp_path / "sock") == {"a": "4"}


def test_files_of_another_engine_are_left_alone(tmp_path: Path) -> None:
    changes = DialogChanges(tmp_path / "sock")
    changes.append([("a", saved("1"))])
    DialogChanges(tmp_path / "sock").close()
    assert last(tmp_path / "sock") == {"a": "1"}
    changes.read()
    changes.close()
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_told_once_and_what_is_too_much_is_left_out(
    tmp_path: Path,
) -> None:
    changes = DialogChanges(tmp_path / "nowhere" / "sock")
    with capture_logs() as logs:
        changes.append([("a", saved("1"))])
        changes.append([("a", saved("2"))])
    assert [one["event"] for one in logs] == ["dialog_changes_not_written"]
    small = DialogChanges(tmp_path / "sock")
    small._sizes[0] = MOST_BYTES
    small.append([("a", saved("1"))])
    assert last(tmp_path / "sock") == {}
    changes.close()


def test_a_file_that_cannot_be_opened_is_told_and_what_is_in_the_other_is_read(
    tmp_path: Path,
) -> None:
    changes = DialogChanges(tmp_path / "sock")
    changes.append([("a", saved("1"))])
    changes._paths[1].unlink(missing_ok=True)
    changes._paths[1].mkdir()
    with capture_logs() as logs:
        assert last(tmp_path / "sock") == {"a": "1"}
    assert [one["event"] for one in logs] == ["dialog_changes_not_written"]

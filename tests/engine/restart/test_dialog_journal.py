"""The dialogs of calls in the store, and what the next engine does with them."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from engine.restart import dialog_journal
from engine.restart.dialog_journal import AT_ONCE, STORED_AS, DialogJournal, end_all
from engine.store.store import Store
from sip.auth.digest import Credentials
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.saved import SavedSession
from tests.support.virtual_loop import run
from tests.support.waiting import until


class Sip:
    """An endpoint that keeps what it is asked."""

    def __init__(self) -> None:
        self.restored: list[tuple[str, Credentials | None]] = []
        self.hung_up: list[tuple[float, object, str]] = []

    def restore(self, saved: SavedSession, credentials: Credentials | None) -> object:
        if saved.call_id == "broken":
            raise ParseError("cannot be read")
        self.restored.append((saved.call_id, credentials))
        return saved

    def hangup(self, session: object, reason: str) -> None:
        self.hung_up.append((asyncio.get_running_loop().time(), session, reason))


def endpoint(sip: Sip) -> SipEndpoint:
    return cast(SipEndpoint, sip)


def saved(call_id: str, tag: str, account: str = "") -> SavedSession:
    return SavedSession(call_id=call_id, local_tag=tag, is_ours=True, account=account)


async def test_what_is_written_last_is_restored_with_the_credentials_of_its_trunk(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "db")
    await store.open()
    journal = DialogJournal(store, tmp_path / "control.sock")
    journal.write([("a", saved("one", "a", "pbx")), ("b", saved("two", "b"))])
    journal.write([("c", saved("gone", "c")), ("d", saved("broken", "d"))])
    journal.write([("c", None), ("b", saved("second", "b", "other"))])
    await store.close()

    store = Store(tmp_path / "db")
    await store.open()
    sip, credentials = Sip(), Credentials("alice", "secret")
    journal = DialogJournal(store, tmp_path / "control.sock")
    sessions = await journal.restore(endpoint(sip), {"pbx": credentials})
    assert sip.restored == [("one", credentials), ("second", None)]
    assert len(sessions) == 2
    # What cannot be read is not tried again.
    assert set(await store.load(STORED_AS, SavedSession)) == {"a", "b"}
    await store.close()


async def test_an_engine_that_dies_before_the_store_is_written_leaves_its_dialogs(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "db", flush_delay_s=60.0)
    await store.open()
    store.put(STORED_AS, "d", saved("ended", "d"))
    await store.flush()
    journal = DialogJournal(store, tmp_path / "control.sock")
    await journal.restore(endpoint(Sip()), {})
    journal.write([("a", saved("rings", "a")), ("b", saved("is over", "b"))])
    journal.write([("a", saved("answered", "a")), ("b", None), ("d", None)])
    files = {path: path.read_bytes() for path in tmp_path.glob("control.sock.*")}
    await store.close()
    await journal.close()
    assert not list(tmp_path.glob("control.sock.*"))  # nothing is left of a stop in good order

    for path, data in files.items():
        path.write_bytes(data + b'[9,"b",{"call_id":"cut o')  # what it had written by then
    store = Store(tmp_path / "of_then")
    await store.open()
    store.put(STORED_AS, "d", saved("ended", "d"))
    sip = Sip()
    await DialogJournal(store, tmp_path / "control.sock").restore(endpoint(sip), {})
    assert [call_id for call_id, _ in sip.restored] == ["answered"]
    assert set(await store.load(STORED_AS, SavedSession)) == {"a"}
    assert [path.stat().st_size for path in files] == [0] * len(files)
    await store.close()


def test_many_are_hung_up_in_portions() -> None:
    sip = Sip()
    sessions: list[Any] = list(range(2 * AT_ONCE + 1))

    async def end() -> None:
        await end_all(endpoint(sip), sessions)
        await end_all(endpoint(sip), [])

    run(end(), lambda _seconds: None)
    assert [session for _, session, _ in sip.hung_up] == sessions
    times = [at for at, _, _ in sip.hung_up]
    assert times[0] == times[AT_ONCE - 1] < times[AT_ONCE] < times[-1] < times[0] + 1.0
    assert {reason for *_, reason in sip.hung_up} == {'Q.850;cause=41;text="Temporary failure"'}


async def test_the_files_of_changes_take_turns_as_the_store_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialog_journal, "TURN_S", 0.0)
    store = Store(tmp_path / "db")
    await store.open()
    journal = DialogJournal(store, tmp_path / "control.sock")
    for tag in ("a", "b", "c"):
        journal.write([(tag, saved("up", tag))])
        await until(
            lambda: not any(path.stat().st_size for path in tmp_path.glob("control.sock.*"))
        )
        assert tag in await store.load(STORED_AS, SavedSession)
    journal.write([("a", None)])
    await asyncio.sleep(0)
    await store.close()
    await journal.close()

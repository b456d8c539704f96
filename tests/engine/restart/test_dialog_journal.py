"""The dialogs of calls in the store, and what the next engine does with them."""

import asyncio
from pathlib import Path
from typing import Any, cast

from engine.restart.dialog_journal import AT_ONCE, STORED_AS, DialogJournal, end_all
from engine.store.store import Store
from sip.auth.digest import Credentials
from sip.endpoint import SipEndpoint
from sip.errors import ParseError
from sip.saved import SavedSession
from tests.support.virtual_loop import run


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
    journal = DialogJournal(store)
    journal.write([("a", saved("one", "a", "pbx")), ("b", saved("two", "b"))])
    journal.write([("c", saved("gone", "c")), ("d", saved("broken", "d"))])
    journal.write([("c", None), ("b", saved("second", "b", "other"))])
    await store.close()

    store = Store(tmp_path / "db")
    await store.open()
    sip, credentials = Sip(), Credentials("alice", "secret")
    sessions = await DialogJournal(store).restore(endpoint(sip), {"pbx": credentials})
    assert sip.restored == [("one", credentials), ("second", None)]
    assert len(sessions) == 2
    # What cannot be read is not tried again.
    assert set(await store.load(STORED_AS, SavedSession)) == {"a", "b"}
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

"""Two sessions call each other, and what becomes of one that nobody answers."""

import asyncio

import pytest
from aiortc import RTCCertificate

from media.webrtc import session as session_module
from media.webrtc.ice import IcePath
from media.webrtc.messages import Candidate, Connect, IceDtls, IceServers
from media.webrtc.session import BrowserSession, SessionFailed
from tests.support.waiting import until

CERTIFICATE = RTCCertificate.generateCertificate()
NOWHERE = Candidate("1", 1, "udp", 1, "127.0.0.1", 9, "host")
ABSENT = IceDtls("abcd", "a" * 24, (("sha-256", ":".join(["AA"] * 32)),), "active", (NOWHERE,))


class Side:
    """A session, and what it has told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.session = BrowserSession(
            IceServers(), CERTIFICATE, lambda state, reason: self.told.append((state, reason))
        )


async def test_ice_is_restarted_and_the_keys_stay() -> None:
    ours, theirs = Side(), Side()
    offered = await ours.session.describe(None)
    ours.session.answered(await theirs.session.describe(offered))
    await until(lambda: ours.told and theirs.told)
    assert ours.told == theirs.told == [("connected", "")]
    keys = theirs.session._dtls
    # The side that has offered restarts ICE: its own path is another, its keys are the same.
    session = ours.session
    await session._give_up_setup()
    again = await session._gather(is_offerer=True, setup="actpass")
    answer = await theirs.session.describe(again)
    session.answered(answer)
    await until(lambda: len(ours.told) == len(theirs.told) == 2)
    assert theirs.session._dtls is keys and answer.setup == "passive"
    heard: list[bytes] = []
    theirs.session._rtp._on_packet = heard.append
    ours.session.connect(Connect("x", "127.0.0.1", ours.session.port, 9))
    await ours.session.close()
    await until(lambda: ("lost", "the browser is gone") in theirs.told)
    await theirs.session.close()


async def test_who_is_not_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "SETUP_S", 0.05)
    side = Side()
    await side.session.describe(None)
    side.session._send(b"lost")  # there is no way yet
    side.session.answered(ABSENT)
    side.session.answered(ABSENT)  # the same again
    await until(lambda: side.told)
    assert side.told[0][0] == "failed"
    await side.session.close()
    side.session.answered(ABSENT)


async def test_a_session_that_was_not_described_exchanges_no_sound() -> None:
    side = Side()
    side.session.connect(Connect("x", "127.0.0.1", 4000, 4001))
    assert (side.session.port, side.session.rtcp_port, side.told) == (0, 0, [])
    await side.session.close()


async def test_a_host_without_addresses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*_given: object) -> tuple[Candidate, ...]:
        return ()

    monkeypatch.setattr(IcePath, "gather", none)
    with pytest.raises(SessionFailed, match="no address"):
        await Side().session.describe(None)


async def test_a_handshake_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = Side(), Side()
    offered = await ours.session.describe(None)
    answered = await theirs.session.describe(offered)
    forged = IceDtls(
        answered.ufrag, answered.password, ABSENT.fingerprints, answered.setup, answered.candidates
    )
    ours.session.answered(forged)
    await until(lambda: ours.told)
    assert ours.told == [("failed", "the browser's DTLS handshake failed")]
    await asyncio.gather(ours.session.close(), theirs.session.close())


async def test_a_browser_that_no_longer_answers_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = asyncio.Event()

    async def until_gone(_path: IcePath) -> None:
        await gone.wait()

    monkeypatch.setattr(IcePath, "until_lost", until_gone)
    ours, theirs = Side(), Side()
    offered = await ours.session.describe(None)
    ours.session.answered(await theirs.session.describe(offered))
    await until(lambda: ours.told and theirs.told)
    gone.set()
    await until(lambda: len(ours.told) == 2)
    assert ours.told[1] == ("lost", "the browser no longer answers")
    await ours.session.close()
    await theirs.session.close()


async def test_a_fault_in_the_setup_or_in_a_packet_ends_the_session_with_its_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_path: IcePath, _remote: IceDtls) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(IcePath, "reach", fail)
    side = Side()
    await side.session.describe(None)
    side.session.answered(ABSENT)
    await until(lambda: side.told)
    assert side.told == [("failed", session_module.FAULT)]
    side.session._rtp._on_failed()
    assert side.told[1:] == [("lost", session_module.FAULT)]
    await side.session.close()

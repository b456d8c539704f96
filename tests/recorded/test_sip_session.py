"""A SIP session, recorded from an earlier engine, is played to this one over real sockets."""

from pathlib import Path

from .sip_session import SipSession, read

HERE = Path(__file__).resolve().parent


INTENDED = {
    "stranger: SIP/2.0 100 Trying\n    was there\n    is  left out": (
        "who is no trunk is refused at once, and no transaction is kept for them"
    ),
}


async def test_every_message_is_as_it_was(tmp_path: Path) -> None:
    session = SipSession(tmp_path, (HERE / "sip_session.toml").read_text())
    await session.play(read(HERE / "sip_session.jsonl"))
    unintended = [one for one in session.differences if one not in INTENDED]
    assert not unintended, "\n".join(unintended)
    assert set(session.differences) == INTENDED.keys()

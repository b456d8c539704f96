"""A SIP session, recorded from an earlier engine, is played to this one over real sockets."""

from pathlib import Path

from .sip_session import SipSession, read

HERE = Path(__file__).resolve().parent


async def test_every_message_is_as_it_was(tmp_path: Path) -> None:
    session = SipSession(tmp_path, (HERE / "sip_session.toml").read_text())
    await session.play(read(HERE / "sip_session.jsonl"))
    assert not session.differences, "\n".join(session.differences)

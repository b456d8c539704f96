"""Entries of the journal: what is sent, and what becomes of them where there is no journal."""

import re
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from engine import logs
from engine.logs import journal
from engine.logs.journal import Journal

WAIT_S = 40.0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket in the place of journald's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "socket"))
        made.settimeout(WAIT_S)
        yield made


def read(datagram: bytes) -> dict[str, str]:
    """The fields of an entry, in both forms of the protocol."""
    fields = {}
    while datagram:
        name, sign, rest = re.match(rb"(?s)([A-Z0-9_]+)([=\n])(.*)", datagram).groups()  # type: ignore[union-attr]
        if sign == b"=":
            value, _, datagram = rest.partition(b"\n")
        else:
            (length,) = struct.unpack_from("<Q", rest)
            value, datagram = rest[8 : 8 + length], rest[8 + length + 1 :]
        fields[name.decode()] = value.decode()
    return fields


@pytest.mark.outside
def test_each_value_is_a_field(daemon: socket.socket, tmp_path: Path) -> None:
    sent = Journal(tmp_path / "socket").send(
        "warning", "call_failed", {"job": "order-17", "sip_status": 486, "a-b.c": "two\nlines"}
    )
    assert sent
    assert read(daemon.recv(65536)) == {
        "MESSAGE": "call_failed job=order-17 sip_status=486 a-b.c=two\nlines",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "ringback",
        "RINGBACK_EVENT": "call_failed",
        "RINGBACK_JOB": "order-17",
        "RINGBACK_SIP_STATUS": "486",
        "RINGBACK_A_B_C": "two\nlines",
    }


@pytest.mark.outside
def test_the_log_goes_there_and_not_to_standard_error(
    daemon: socket.socket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    monkeypatch.setattr(journal.Journal.__init__, "__defaults__", (tmp_path / "socket",))
    lines = logs.configure("info", "journal")
    try:
        logger = structlog.get_logger()
        logger.debug("below_the_level")
        try:
            raise ValueError("a defect")
        except ValueError:
            logger.exception("failed", job="j")
        entry = read(daemon.recv(65536))
        assert entry["RINGBACK_EVENT"] == "failed" and entry["PRIORITY"] == "3"
        assert entry["MESSAGE"].startswith("failed job=j\nTraceback")
        assert entry["MESSAGE"].endswith("ValueError: a defect")
        daemon.close()  # the journal has gone
        logger.info("still_said", job="j")
        assert lines.drain(WAIT_S)
        captured = capsys.readouterr().err
        assert "still_said" in captured and "failed" not in captured
    finally:
        structlog.reset_defaults()

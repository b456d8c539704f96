"""The ladder: who sent what to whom, on which side."""

from typing import Any

from engine.cli.tracing.ladder import FINE, PLAIN, Ladder, audio_line, leg_line, short

MEDIA = {
    "packets_received": 600, "lost_fraction": 0.005, "jitter_ms": 2.34, "packets_sent": 598,
    "remote_lost_fraction": 0.01, "round_trip_ms": 20.4,
}  # fmt: skip
AUDIO = {
    "host": "192.0.2.10", "port": 4000, "protocol": "RTP/AVP", "codecs": ["PCMU", "PCMA"],
    "direction": "sendrecv",
}  # fmt: skip


def leg(name: str, role: str, **more: Any) -> dict[str, Any]:
    """A leg as trace.get shows it."""
    return {"leg": name, "role": role, "uri": f"sip:{role}@192.0.2.9", "ended": None} | more


def message(
    leg_id: str | None, direction: str, method: str, status: int | None = None, **more: Any
) -> dict[str, Any]:
    """A message as trace.get shows it."""
    first = f"{method} sip:x SIP/2.0" if status is None else f"SIP/2.0 {status} Words"
    return {
        "time": 1_000.0, "leg": leg_id, "direction": direction, "transport": "udp",
        "local": "192.0.2.1:5060", "remote": f"192.0.2.{10 if leg_id != 'c' else 20}:5061",
        "start_line": first, "method": method, "status": status, "retransmission": 0, "audio": None,
    } | more  # fmt: skip


def drawn(
    *messages: dict[str, Any],
    legs: list[dict[str, Any]] | None = None,
    width: int = 100,
    **call: Any,
) -> list[str]:
    """The lines of the ladder."""
    legs = legs or [leg("a", "agent"), leg("c", "customer")]
    ladder = Ladder({"legs": legs, "started": 999.0} | call, width, FINE)
    return [line.plain.rstrip() for line in ladder.lines(messages)]


def test_agents_are_on_the_left_and_customers_on_the_right() -> None:
    lines = drawn(
        message("a", "sent", "INVITE"),
        message("a", "received", "INVITE", 180),
        message("c", "sent", "INVITE"),
        message("c", "received", "BYE"),
    )
    assert lines[0].split() == ["agent", "Ringback", "customer"]
    assert "udp 192.0.2.10:5061" in lines[1] and lines[1].endswith("udp 192.0.2.20:5061")
    invite, ringing, customer, bye = (line[22:] for line in lines[2:])
    assert invite.startswith("│◄─") and " INVITE ─" in invite and invite.count("│") == 3
    assert ringing.startswith("│─") and "►│" in ringing and "180 Words" in ringing
    assert customer.endswith("►│") and customer.startswith("│  ")
    assert bye.endswith("─│") and "│◄" in bye
    assert "+1.000" in lines[2]
    assert len({len(line) for line in lines[2:]}) == 1


def test_a_message_from_before_the_call_was_known() -> None:
    (line,) = drawn({**message("a", "received", "INVITE"), "time": 998.96})[2:]
    assert "-0.040" in line and "+" not in line


def test_retransmissions_codecs_and_the_method_of_a_response_are_told() -> None:
    lines = drawn(
        message("a", "sent", "INVITE", retransmission=2, audio=AUDIO),
        message("a", "received", "BYE", 200),
    )
    assert "INVITE again 2" in lines[2]
    assert lines[3].strip() == "PCMU PCMA  RTP 192.0.2.10:4000"
    assert "200 Words (BYE)" in lines[4]


def test_several_legs_of_one_side_are_numbered() -> None:
    legs = [leg("a1", "agent"), leg("a2", "agent"), leg("c", "customer")]
    lines = drawn(message("a2", "sent", "INVITE"), legs=legs)
    assert "agent 1, agent 2" in lines[0] and "INVITE (agent 2)" in lines[-1]


def test_the_moment_of_joining_is_between_the_messages() -> None:
    lines = drawn(
        message("a", "sent", "ACK"), message("a", "sent", "BYE", time=1_010.0), bridged_at=1_001.0
    )
    assert ["joined" in line for line in lines[2:]] == [False, True, False]
    assert "joined" in drawn(message("a", "sent", "ACK"), bridged_at=1_001.0)[-1]


def test_it_fits_into_eighty_columns_and_says_what_does_not() -> None:
    long = message("a", "received", "INVITE", 488, start_line="SIP/2.0 488 " + "Not " * 40)
    lines = drawn(long, message("c", "sent", "INVITE"), width=80)
    assert max(map(len, lines)) <= 80 and "488 Not" in lines[2]


def test_a_terminal_without_these_lines_gets_plain_ones() -> None:
    call = {"legs": [leg("a", "agent")], "started": 0.0}
    lines = [line.plain for line in Ladder(call, 80, PLAIN).lines([message("a", "sent", "INVITE")])]
    assert lines[-1].isascii() and "<-" in lines[-1]


def test_what_could_command_the_terminal_is_not_printed() -> None:
    lines = drawn(message("a", "received", "X\x1b[2J", start_line="X\x1b[2J"))
    assert "\x1b" not in "".join(lines)


def test_a_leg_is_summed_up_with_its_codec_addresses_rtp_and_end() -> None:
    line = leg_line(
        leg("a", "agent", trunk="pbx", codec="PCMU", local_media="192.0.2.1:10000",
            remote_media="192.0.2.10:4000", media=MEDIA, ended=5.0, sip_status=486,
            reason="Busy Here")
    )  # fmt: skip
    assert line == (
        "sip:agent@192.0.2.9; trunk pbx; PCMU, RTP 192.0.2.1:10000 to 192.0.2.10:4000; "
        "received 600, lost 0.5%, jitter 2.3 ms, sent 598 of which the phone lost 1.0%, "
        "round trip 20 ms; ended: 486 Busy Here"
    )
    assert leg_line(leg("a", "agent")) == "sip:agent@192.0.2.9"


def test_audio_is_told_with_what_is_unusual() -> None:
    assert audio_line(AUDIO | {"host": "2001:db8::1"}) == "PCMU PCMA  RTP [2001:db8::1]:4000"
    assert audio_line(AUDIO | {"direction": "sendonly", "protocol": "RTP/SAVP"}) == (
        "PCMU PCMA  RTP 192.0.2.10:4000  RTP/SAVP  sendonly"
    )
    assert audio_line(AUDIO | {"port": 0}) == "audio refused"


def test_a_message_that_cannot_be_read_has_its_first_line_as_its_name() -> None:
    assert short({"status": None, "method": None, "start_line": "NONSENSE"}) == "NONSENSE"
    assert short({"status": None, "method": None, "start_line": ""}) == "(empty)"


def test_who_answered_is_said_of_a_leg() -> None:
    line = leg_line(leg("c", "customer", answered_by="voicemail"))
    assert line == "sip:customer@192.0.2.9; answered by: voicemail"

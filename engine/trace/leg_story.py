"""What happened on one leg, in sentences: from its record, and from its SIP where that is kept."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..job import LegRecord
from .call_view import Located
from .message_view import AudioView, MessageView, message_view

Told = tuple[float | None, str]

_BAD_LOSS: Final = 0.03
_BAD_JITTER_MS: Final = 40.0
_HELD: Final = ("sendonly", "inactive")


def seconds(value: float) -> str:
    """A duration in words."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(int(value), 60)
    return f"{minutes} min {rest} s"


def leg_story(
    leg: LegRecord, messages: Sequence[Located], *, called_us: bool = False
) -> Iterator[Told]:
    """The sentences about one leg, each with its time. `called_us`: it is that of a caller."""
    views = [message_view(one["message"], one["repetition"], one["where"]) for one in messages]
    who = f"The {leg.role}"
    by = f" by the trunk {leg.trunk}" if leg.trunk else ""
    if called_us:
        where = f" from {leg.hop}" if leg.hop else ""
        yield leg.started, f"{who} called us{where}{by}."
    else:
        where = f", at {leg.hop}" if leg.hop else ""
        yield leg.started, f"{who} was called at {leg.uri}{by}{where}."
        yield from _tries(who, views)
    yield from _repeated(who, views)
    if leg.ringing is not None and not called_us:
        yield leg.ringing, f"{who}'s phone rang after {seconds(leg.ringing - leg.started)}."
    if leg.answered is not None:
        codec = f" with {leg.codec}" if leg.codec else ""
        rtp = f"; its RTP goes to {leg.remote_media}" if leg.remote_media else ""
        after = seconds(leg.answered - leg.started)
        text = f"{who} was answered" if called_us else f"{who} answered"
        yield leg.answered, f"{text} after {after}{codec}{rtp}."
    yield from _holds(who, views)
    if leg.ended is not None:
        yield leg.ended, _end(who, leg, views)
    yield from _media(who, leg)


def _tries(who: str, views: Sequence[MessageView]) -> Iterator[Told]:
    """Passwords that were asked for, redirections, and tries at more than one place."""
    dialogs: dict[str, str] = {}
    for view in views:
        if view["method"] != "INVITE":
            continue
        status = view["status"]
        if status is None and view["direction"] == "sent":
            known = dialogs.get(view["call_id"])
            if dialogs and known is None:
                yield view["time"], f"{who} was tried again, at {view['remote']}."
            dialogs[view["call_id"]] = view["remote"]
        elif (
            status in (401, 407) and view["direction"] == "received" and not view["retransmission"]
        ):
            yield view["time"], f"{view['remote']} asked for credentials ({status})."
        elif status is not None and 300 <= status < 400 and view["direction"] == "received":
            yield view["time"], f"{view['remote']} redirected the call ({status})."


def _repeated(who: str, views: Sequence[MessageView]) -> Iterator[Told]:
    """Messages that had to be sent again: something was lost, or late."""
    most: dict[tuple[str, str, str, int | None], MessageView] = {}
    for view in views:
        if view["retransmission"]:
            key = (view["direction"], view["start_line"], view["call_id"], view["cseq"])
            most[key] = view
    for view in most.values():
        name = view["start_line"].removeprefix("SIP/2.0 ")
        name = (view["method"] or name) if view["status"] is None else name
        times = view["retransmission"] + 1
        how = "was sent" if view["direction"] == "sent" else "came"
        yield view["time"], f"{name} {how} {times} times on the leg of {who.lower()}."


def _holds(who: str, views: Sequence[MessageView]) -> Iterator[Told]:
    held = False
    for view in views:
        audio: AudioView | None = view["audio"]
        is_offer = view["status"] is None and view["direction"] == "received"
        if audio is None or not is_offer or view["retransmission"]:
            continue
        now_held = audio["direction"] in _HELD or audio["host"] in ("0.0.0.0", "::")
        if now_held != held:
            held = now_held
            yield view["time"], f"{who} {'put the call on hold' if held else 'took it up again'}."


def _end(who: str, leg: LegRecord, views: Sequence[MessageView]) -> str:
    phrase = leg.reason or ""
    last = next(
        (view for view in reversed(views) if view["status"] is None and view["method"] in _ENDS),
        None,
    )
    if last is None:
        if leg.answered is None and leg.sip_status is not None and leg.sip_status >= 300:
            return f"{who}'s leg was refused: {leg.sip_status} {phrase}".rstrip() + "."
        return f"{who}'s leg ended: {phrase or 'no reason is known'}."
    is_bye = last["method"] == "BYE"
    how = f"({last['method']}{_reason_of(last)})"
    if last["direction"] == "received":
        return f"{who} {'hung up' if is_bye else 'gave up before the answer'} {how}."
    done = "We hung up on" if is_bye else "We gave up calling"
    return f"{done} {who.lower()} {how}: {phrase or 'no reason is known'}."


_ENDS: Final = frozenset({"BYE", "CANCEL"})


def _reason_of(view: MessageView) -> str:
    """What the Reason header says (RFC 3326)."""
    for line in view["text"].split("\r\n"):
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() == "reason":
            return f", {value.strip()}"
        if not line:
            break
    return ""


def _media(who: str, leg: LegRecord) -> Iterator[Told]:
    """How its RTP was, once it has been reported."""
    figures = leg.media
    if figures is None or leg.answered is None:
        return
    received = figures.get("packets_received") or 0
    sent = figures.get("packets_sent") or 0
    if not received:
        note = f"No RTP came from {who.lower()}, and {sent} packets were sent there"
        yield leg.ended, f"{note}: look at addresses, NAT and firewalls."
        return
    loss = figures.get("lost_fraction") or 0.0
    jitter_ms = figures.get("jitter_ms") or 0.0
    text = f"Of the RTP of {who.lower()} {received} packets came, {loss:.1%} were lost"
    text += f", the jitter was {jitter_ms:.1f} ms"
    round_trip_ms = figures.get("round_trip_ms")
    if round_trip_ms is not None:
        text += f", the round trip {round_trip_ms:.0f} ms"
    remote = figures.get("remote_lost_fraction")
    if remote is not None:
        text += f"; of ours {sent} packets went, and the phone lost {remote:.1%} of the last ones"
    if loss > _BAD_LOSS or jitter_ms > _BAD_JITTER_MS:
        text += ". That can be heard"
    yield leg.ended, f"{text}."

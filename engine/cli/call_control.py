"""`ringback call`: calls that are made and moved by commands, and what their parties hear."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .calls import print_call
from .command import Json, SocketAfter, ask, call, context_of, print_result
from .output.formats import value_text
from .output.tables import console, details

app = typer.Typer(
    name="call",
    help="One call: make it, play, say, gather keys, bridge, stream.",
    epilog='Example: ringback call say leg-5 "One moment please."',
    no_args_is_help=True,
    rich_markup_mode=None,
)

LEG = "leg-"
Target = Annotated[str, typer.Argument(metavar="CALL|LEG", help="Its id, as in ringback calls.")]
OneLeg = Annotated[str, typer.Argument(metavar="LEG")]
Loop = Annotated[bool, typer.Option("--loop", help="Again and again, until it is stopped.")]
Mix = Annotated[bool, typer.Option("--mix", help="Over what is heard, not in its place.")]
Priority = Annotated[
    int | None, typer.Option(metavar="0-9", help="Waits for what is higher [default: 5]")
]
Language = Annotated[str, typer.Option(metavar="TAG", help="Such as fr.")]
Words = Annotated[
    str | None, typer.Option(metavar="WORD,WORD", help="What may be said: yes,no,leave a message.")
]


def _of(target: str) -> dict[str, str]:
    """The parameter that names it: the id of a leg begins with its kind."""
    return {"leg" if target.startswith(LEG) else "call": target}


def _print(result: Mapping[str, Any]) -> None:
    """A call in full; of another reply each member on a line."""
    if "legs" in result:
        print_call(result)
    elif "calls" in result:
        for one in result["calls"]:
            print_call(one)
    else:
        console.print(details((name, value_text(value)) for name, value in result.items()))


# -- calls --------------------------------------------------------------------------------------


@app.command("originate", epilog="Example: ringback call originate +442079460123 --detect")
def originate(
    to: Annotated[str, typer.Argument(metavar="NUMBER|URI|AGENT")],
    trunk: Annotated[str | None, typer.Option(metavar="TRUNK", help="Go by this one.")] = None,
    caller_id: Annotated[str | None, typer.Option(metavar="NUMBER", help="What is shown.")] = None,
    ring_s: Annotated[
        float | None, typer.Option("--ring", metavar="SECONDS", help="Ring no longer.")
    ] = None,
    beside: Annotated[
        str | None, typer.Option(metavar="LEG", help="The leg that it will be bridged with.")
    ] = None,
    detect: Annotated[
        bool, typer.Option("--detect", help="Tell who or what answers, by call.detected.")
    ] = False,
    context: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="May be repeated.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Call somebody, and leave the call to commands."""
    call(
        "call.originate", _print, to=to, trunk=trunk, caller_id=caller_id, ring_s=ring_s,
        beside=beside, detect=detect or None, context=context_of(context),
    )  # fmt: skip


@app.command("answer", epilog="Example: ringback call answer call-5")
def answer(target: Target, socket: SocketAfter = None, json: Json = False) -> None:
    """Answer a call that came in, and waits for commands."""
    call("call.answer", _print, **_of(target))


@app.command("reject", epilog="Example: ringback call reject call-5 --status 486")
def reject(
    target: Target,
    status: Annotated[int, typer.Option(metavar="N", help="SIP status, 400 to 699.")] = 603,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Refuse a call that came in."""
    call("call.reject", _print, **_of(target), status=status)


@app.command("redirect", epilog="Example: ringback call redirect call-5 +442079460123")
def redirect(
    target: Target,
    to: Annotated[str, typer.Argument(metavar="NUMBER|URI")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Send the caller elsewhere, by SIP 302."""
    call("call.redirect", _print, **_of(target), to=to)


@app.command("bridge", epilog="Example: ringback call bridge leg-5 leg-8")
def bridge(
    leg: OneLeg,
    other: Annotated[str, typer.Argument(metavar="OTHER")],
    apart: Annotated[bool, typer.Option("--apart", help="One end does not end the other.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let two legs hear each other."""
    call("call.bridge", _print, leg=leg, **{"with": other}, end_together=not apart)


@app.command("unbridge", epilog="Example: ringback call unbridge leg-5")
def unbridge(target: Target, socket: SocketAfter = None, json: Json = False) -> None:
    """Part two who are bridged; both calls go on."""
    call("call.unbridge", _print, **_of(target))


@app.command("hold", epilog="Example: ringback call hold leg-5")
def hold(
    target: Target,
    off: Annotated[bool, typer.Option("--off", help="Take it back.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Put a party on hold, by a re-INVITE."""
    call("call.resume" if off else "call.hold", _print, **_of(target))


@app.command("detect", epilog="Example: ringback call detect call-5")
def detect(target: Target, socket: SocketAfter = None, json: Json = False) -> None:
    """Tell who or what speaks, by call.detected."""
    call("call.detect", _print, **_of(target))


# -- what a party hears, presses and says -------------------------------------------------------


@app.command("play", epilog="Example: ringback call play leg-5 welcome.wav --loop")
def play(
    target: Target,
    files: Annotated[list[str] | None, typer.Argument(metavar="FILE")] = None,
    tone: Annotated[
        str | None, typer.Option(metavar="NAME|HZ", help="A tone, such as busy or 440.")
    ] = None,
    stream: Annotated[str | None, typer.Option(metavar="NAME", help="A music stream.")] = None,
    loop: Loop = False,
    mix: Mix = False,
    priority: Priority = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Let a party hear sound files one after the other, a tone or a stream."""
    if sum(bool(one) for one in (files, tone, stream)) != 1:
        raise typer.BadParameter("give FILE, --tone or --stream")
    sound: dict[str, Any] = {"tone": tone, "stream": stream}
    if files:
        sound |= {"file": files[0]} if len(files) == 1 else {"files": files}
    call("call.play", _print, **_of(target), **sound, loop=loop, mix=mix, priority=priority)


@app.command("say", epilog='Example: ringback call say leg-5 "One moment please."')
def say(
    target: Target,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    language: Language = "",
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="0.5 to 3; 1 is usual. From 80 on words/min.")
    ] = None,
    loop: Loop = False,
    mix: Mix = False,
    priority: Priority = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Speak a text to a party."""
    how = {"language": language, "speed": speed, "loop": loop, "mix": mix, "priority": priority}
    call("call.say", _print, **_of(target), text=text, **how)


@app.command("stop", epilog="Example: ringback call stop leg-5")
def stop(
    target: Target,
    play: Annotated[str | None, typer.Option(metavar="PLAY", help="This one alone.")] = None,
    gather: Annotated[
        bool, typer.Option("--gather", help="End the gathering of keys as well.")
    ] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Stop what a party hears by play and say."""
    call("call.stop", _print, **_of(target), play=play, gather=gather)


@app.command("gather", epilog='Example: ringback call gather leg-5 --max 4 --text "Your PIN?"')
def gather(
    target: Target,
    most: Annotated[int | None, typer.Option("--max", metavar="N", help="Digits at most.")] = None,
    least: Annotated[
        int | None, typer.Option("--min", metavar="N", help="Digits at least.")
    ] = None,
    terminator: Annotated[
        str | None, typer.Option(metavar="KEYS", help="The keys that end it [default: #]")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Said before.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="Played before.")] = None,
    first_digit_s: Annotated[
        float | None, typer.Option("--wait", metavar="SECONDS", help="For the first key.")
    ] = None,
    words: Words = None,
    shown: Annotated[
        bool, typer.Option("--shown", help="Not secret: events have the digits as well.")
    ] = False,
    type_ahead_s: Annotated[
        float | None,
        typer.Option("--type-ahead", metavar="SECONDS", help="Keep later keys for the next."),
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Ask a party for keys or words, wait for them, and print them."""
    if text is not None and file is not None:
        raise typer.BadParameter("give --text or --file")
    prompt = {"text": text} if text is not None else {"file": file} if file is not None else None
    asked = {
        **_of(target), "max_digits": most, "min_digits": least, "terminator": terminator,
        "first_digit_s": first_digit_s, "prompt": prompt, "speech": _speech(words),
        "secret": not shown, "type_ahead_s": type_ahead_s,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    # A party may take their time: the engine bounds it.
    result = ask(lambda client: client.call("call.gather", **given), reply_s=None)
    print_result(result, _print)


@app.command("keys", epilog="Example: ringback call keys leg-5 12#")
def keys(
    target: Target,
    digits: Annotated[str, typer.Argument(metavar="DIGITS")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Send a party keys, as its phone takes them."""
    call("call.send_dtmf", _print, **_of(target), digits=digits)


@app.command("recognise", epilog="Example: ringback call recognise leg-5 --words yes,no")
def recognise(
    target: Target,
    words: Words = None,
    off: Annotated[bool, typer.Option("--off", help="End that.")] = False,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Publish what a party says, as speech.recognised."""
    if off:
        call("call.unrecognise", _print, **_of(target))
    else:
        call("call.recognise", _print, **_of(target), speech=_speech(words))


def _speech(words: str | None) -> dict[str, list[str]] | None:
    return None if words is None else {"words": [one.strip() for one in words.split(",")]}


# -- services -----------------------------------------------------------------------------------


@app.command("stream", epilog="Example: ringback call stream leg-5 wss://bots.example.com/")
def stream(
    target: Target,
    url: Annotated[str, typer.Argument(metavar="URL")],
    tap: Annotated[bool, typer.Option("--tap", help="It only listens.")] = False,
    rate_hz: Annotated[
        int | None, typer.Option("--rate", metavar="HZ", help="8000, 16000 or 24000.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Connect a party with a bot, over a WebSocket."""
    call("call.tap" if tap else "call.stream", _print, **_of(target), url=url, rate_hz=rate_hz)


@app.command("unstream", epilog="Example: ringback call unstream leg-5")
def unstream(target: Target, socket: SocketAfter = None, json: Json = False) -> None:
    """End the streams of a party."""
    call("call.unstream", _print, **_of(target))

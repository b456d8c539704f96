"""What is fuzzed: functions that take bytes. Whatever they raise is a finding.

Each calls the code that reads such bytes in the engine, with the errors that it declares taken for
right answers.
"""

import contextlib
import io
import random
import ssl
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from config.sections import Route, Trunk
from engine.control.connections import jsonrpc
from engine.control.schema import declared_methods
from engine.errors import BadParams, EngineError
from engine.inbound.caller.diversion import diversions
from engine.routing.dialplan import Dialplan
from engine.routing.numbers.number_plan import NumberPlan
from engine.stir.certificate import TrustStore, read_tn_auth_list
from engine.stir.passport import Parties, check_claims, identities, read_passport
from engine.stir.verdict import VerificationFailed
from media.rtp import rtcp
from media.rtp.rtp import payload_bounds
from media.rtp.srtp import TAG_BYTES, SrtpReceiver, SrtpSender
from media.rtp.telephone_event import DigitReader
from media.sound.prompt_files import PromptError, check_prompt
from media.sound.prompts import load
from media.speech.synthesizer import SpeechError, Synthesizer
from sip.auth.digest import (
    Credentials,
    answer_challenge,
    parse_challenge,
)
from sip.auth.digest_server import DigestServer
from sip.dialog.uac import Invitation
from sip.errors import ChallengeRefused, NegotiationFailed, ParseError
from sip.hop import Hop
from sip.message.framing import StreamFramer
from sip.message.message import Request
from sip.message.parser import parse
from sip.message.uri import SipUri, parse_uri
from sip.sdp.description import parse_sdp
from sip.sdp.offer_answer import LocalAudio, OfferAnswer
from sip.sdp.sdes import SUITES, LocalKeys, SrtpPolicy
from sip.transport.tls.channel import TlsChannel
from sip.transport.tls.failure import TlsFailed
from sip.user_agent import UserAgent

from .codec_target import payloads
from .edge_targets import bot_text, web_socket
from .outer_targets import form, keys, name_service, web_text, worker_messages

Target = Callable[[bytes], None]

PEER = Hop("udp", "192.0.2.7", 5060)
# Between messages of one input to the user agent.
NEXT = b"\n--next--\n"
_methods = tuple(declared_methods().values())
_dialplan = Dialplan(
    trunks=[Trunk(name="pbx", uri="sip:192.0.2.1")],
    routes=[Route(prefix="+", trunks=["pbx"])],
    agents=[],
    allow_hosts=["192.0.2.7"],
    plan=NumberPlan("GB"),
)
_synthesizers: dict[str, Synthesizer] = {}
VOICES = ("en-gb", "de", "pt", "ru", "el", "ka")


def sip(data: bytes) -> None:
    """A SIP message: what is read is written, and read again as the same."""
    try:
        message = parse(data)
    except ParseError:
        return
    again = message.encode()
    assert parse(again).encode() == again


def framing(data: bytes) -> None:
    """A TCP stream in two pieces."""
    cut = data[0] if data else 0
    framer = StreamFramer()
    for piece in (data[1 : 1 + cut], data[1 + cut :]):
        framer.push(piece)
        try:
            while framer.pop() is not None:
                framer.take_pongs()
        except ParseError:
            return


def tls(data: bytes) -> None:
    """A TLS stream in two pieces, for one who connects and for one who is connected to."""
    cut = data[0] if data else 0
    for kind, is_server in ((ssl.PROTOCOL_TLS_SERVER, True), (ssl.PROTOCOL_TLS_CLIENT, False)):
        context = ssl.SSLContext(kind)
        context.check_hostname = False
        channel = TlsChannel(context, is_server=is_server, name="" if is_server else "a.example")
        with contextlib.suppress(TlsFailed):
            channel.shake_hands()
            for piece in (data[1 : 1 + cut], data[1 + cut :]):
                channel.receive(piece)
                if channel.shake_hands():
                    channel.decrypt()
        channel.take_output()
        channel.say_goodbye()


def sdp(data: bytes) -> None:
    """A session description: what is read is written, and read again as the same."""
    try:
        description = parse_sdp(data)
    except ParseError:
        return
    again = description.encode()
    assert parse_sdp(again).encode() == again
    for media in description.media:
        _ = (media.rtpmaps(), media.ptime_ms, media.rtcp_port)
        description.connection_of(media)
        description.direction_of(media)


def offer(data: bytes) -> None:
    """A description as an offer to us, for each policy of SRTP, and as the answer to ours."""
    keys = LocalKeys.generate(bytes)
    policies: tuple[SrtpPolicy, ...] = ("off", "offered", "required")
    for policy in policies:
        codecs = "PCMU", "opus", "G722", "L16/16000"
        local = LocalAudio("192.0.2.1", 4000, codecs, srtp=policy, keys=keys, comfort_noise=True)
        with contextlib.suppress(ParseError, NegotiationFailed):
            answer, audio = OfferAnswer(1).receive_offer(data, local)
            assert parse_sdp(answer).media
            assert (audio.srtp is not None) or policy != "required"
        asked = OfferAnswer(2)
        asked.make_offer(local)
        with contextlib.suppress(ParseError, NegotiationFailed):
            audio = asked.receive_answer(data)
            assert (audio.srtp is not None) or policy != "required"


def srtp(data: bytes) -> None:
    """What comes to a port with SRTP: only what was protected with its key is opened, and once."""
    suite = tuple(TAG_BYTES)[data[0] % len(TAG_BYTES)] if data else "AEAD_AES_128_GCM"
    key = bytes(SUITES[suite])
    sender, receiver = SrtpSender(suite, key), SrtpReceiver(suite, key)
    packet = data[1:1500]
    assert receiver.unprotect(bytearray(packet), len(packet)) is None
    assert receiver.unprotect_rtcp(packet) is None
    for protect, opened in (
        (sender.protect, lambda sent: receiver.unprotect(bytearray(sent), len(sent))),
        (sender.protect_rtcp, receiver.unprotect_rtcp),
    ):
        with contextlib.suppress(OSError):
            sent = protect(packet)
            # A packet that was changed on its way is no packet.
            changed = bytearray(sent)
            changed[-1] ^= 1
            assert opened(bytes(changed)) is None
            if opened(sent) is not None:
                assert opened(sent) is None


def credentials(data: bytes) -> None:
    """The answer of a stranger to our challenge: nobody gets in without the password."""
    server = DigestServer("ringback", {"alice": "secret"}, rng=random.Random(7))
    request = Request("INVITE", SipUri("sip", "192.0.2.1"))
    request.add_field("Authorization", _header_value(data))
    assert server.check(request, "192.0.2.7", 100.0).outcome != "right"


def _header_value(data: bytes) -> str:
    """A text in one line, as the parser leaves the value of a header."""
    return data.decode("utf-8", "surrogateescape").replace("\r", " ").replace("\n", " ")


def identity(data: bytes) -> None:
    """What a trunk says of a caller: nobody's number is verified without a certificate, and what
    is kept of the rest is bounded."""
    request = Request("INVITE", SipUri("sip", "192.0.2.1"))
    text = _header_value(data)
    for name in ("Identity", "Diversion", "History-Info"):
        request.add_field(name, text)
    found = diversions(request, NumberPlan("GB"))
    assert len(msgspec.json.encode(found)) < 16_384
    for value in (*identities(request), text):
        with contextlib.suppress(VerificationFailed):
            passport = read_passport(value)
            check_claims(passport.claims, Parties((), ()), 0.0, 60.0)
            raise AssertionError("a call of nobody to nobody")


def certificate(data: bytes) -> None:
    """What a caller's URL has: nobody's certificate is of an issuer that signed nothing."""
    for look in (lambda: _trust().check(data, 1_800_000_000.0), lambda: numbers(data)):
        with contextlib.suppress(VerificationFailed):
            look()


@cache
def _trust() -> TrustStore:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    since = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(since).not_valid_after(since.replace(year=2040))
    return TrustStore([builder.sign(key, SHA256())])


def numbers(data: bytes) -> None:
    """The list of numbers of a certificate: each is short."""
    for first, last in read_tn_auth_list(data) or ():
        assert len(first) <= 16 and len(last) <= 40


def digest(data: bytes) -> None:
    """A challenge of a server, and our answer to it."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        challenge = parse_challenge(text)
    except ParseError:
        return
    if challenge is not None:
        with contextlib.suppress(ChallengeRefused):
            answer_challenge(
                challenge,
                Credentials("alice", "secret"),
                method="INVITE",
                uri="sip:a@b",
                cnonce="0",
            )


def user_agent(data: bytes) -> None:
    """Messages and passing time for a whole user agent that is calling somebody."""
    agent = UserAgent(local={"udp": ("192.0.2.1", 5060)}, rng=random.Random(7))
    now = 100.0
    invitation = Invitation(
        target="sip:bob@192.0.2.7",
        hop=PEER,
        from_uri="sip:alice@192.0.2.1",
        audio=LocalAudio("192.0.2.1", 4000),
    )
    agent.invite(invitation, now)
    sent = agent.take_output()
    for part in data.split(NEXT)[:20]:
        if sent and part.startswith(b"SIP/2.0"):
            part = _answering(part, sent[0][1])
        agent.receive(part, PEER, now)
        sent += agent.take_output()
        agent.take_events()
        agent.take_lookups()
        now += 0.3
        agent.handle_timers(now)
    for _ in range(10):
        now += 64.0
        agent.handle_timers(now)
        agent.take_output()
        agent.take_events()
    agent.close()


def _answering(part: bytes, invite: bytes) -> bytes:
    """The response `part` with Via, From, Call-ID and CSeq of our INVITE, so that it is one."""
    wanted = (b"Via:", b"From:", b"Call-ID:", b"CSeq:")
    ours = [line for line in invite.split(b"\r\n") if line.startswith(wanted)]
    start, _, rest = part.partition(b"\r\n")
    return b"\r\n".join([start, *ours, rest])


def rtp(data: bytes) -> None:
    """An RTP packet, and its payload as a telephone-event."""
    bounds = payload_bounds(data, len(data))
    if bounds is not None:
        begin, end = bounds
        assert 0 <= begin <= end <= len(data)
        reader = DigitReader()
        reader.receive(data[begin:end], 160, 1.0)
        reader.expire(100.0)


def rtcp_packets(data: bytes) -> None:
    """A compound RTCP packet."""
    try:
        rtcp.parse(data)
    except rtcp.RtcpError:
        return


def control(data: bytes) -> None:
    """A line of the control protocol, as parameters of every method."""
    try:
        request = jsonrpc.read_request(data)
    except jsonrpc.RpcError as error:
        jsonrpc.error_line(error)
        return
    for method in _methods:
        try:
            jsonrpc.read_params(method.decoder, request.params)
        except (jsonrpc.RpcError, BadParams) as error:
            str(error)


def party(data: bytes) -> None:
    """A text that is to be dialled, by a number, by a trunk, and at another host."""
    text = data.decode("utf-8", "surrogateescape")
    for written in (text, f"sip:{text}@192.0.2.1", f"sip:{text}@192.0.2.7;user=phone"):
        try:
            found = _dialplan.destination(written, field="to")
        except EngineError as error:
            str(error)
            continue
        for target in found.targets:
            assert isinstance(parse_uri(target.target), SipUri)
            assert target.target.isprintable()


def speech(data: bytes) -> None:
    """A text to be spoken: its process may die, this one may not."""
    voice = VOICES[data[0] % len(VOICES)] if data else VOICES[0]
    if voice not in _synthesizers:
        _synthesizers[voice] = Synthesizer(tempfile.mkdtemp(prefix="fuzz-"), voice=voice)
    try:
        path = _synthesizers[voice].prompt(data[1:200].decode("utf-8", "replace"))
    except SpeechError:
        return
    path.unlink()


def sound(data: bytes) -> None:
    """A sound file: its process may die, this one may not."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        io.FileIO(file.fileno(), "w", closefd=False).write(data)
        for read in (check_prompt, load):
            try:
                read(str(Path(file.name)))
            except PromptError:
                continue


TARGETS: Mapping[str, Target] = {
    "sip": sip,
    "framing": framing,
    "tls": tls,
    "sdp": sdp,
    "offer": offer,
    "srtp": srtp,
    "digest": digest,
    "credentials": credentials,
    "identity": identity,
    "certificate": certificate,
    "user_agent": user_agent,
    "rtp": rtp,
    "codecs": payloads,
    "rtcp": rtcp_packets,
    "control": control,
    "party": party,
    "worker": worker_messages,
    "keys": keys,
    "dns": name_service,
    "form": form,
    "web": web_text,
    "web_socket": web_socket,
    "bot": bot_text,
    "speech": speech,
    "sound": sound,
}

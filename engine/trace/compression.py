"""SIP messages of a dialog, compressed: they repeat each other, and what most dialogs say.

What is often said is in a dictionary that both directions know, which more than halves the rest. It
must not change while anything is compressed.
"""

import zlib
from typing import Final

_LEVEL: Final = 6
# Small tables, which are cheap to make: a dialog of a call has some 3 KiB.
_WINDOW: Final = -13  # 8 KiB, and no header
_MEMORY: Final = 6

# What comes last is found most cheaply.
_OFTEN: Final = b"""\
Proxy-Authenticate: WWW-Authenticate: Digest realm="asterisk", nonce="
Proxy-Authorization: Authorization: Digest username="
algorithm=MD5, qop="auth", nc=00000001, cnonce="response="opaque="
SIP/2.0 401 Unauthorized
SIP/2.0 407 Proxy Authentication Required
SIP/2.0 486 Busy Here
SIP/2.0 487 Request Terminated
SIP/2.0 183 Session Progress
CANCEL sip:PRACK sip:UPDATE sip:OPTIONS sip:INFO sip:REFER sip:NOTIFY sip:RAck: RSeq: 1
a=rtpmap:9 G722/8000
a=rtpmap:18 G729/8000
a=rtpmap:111 opus/48000/2
a=fmtp:111 useinbandfec=1
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:
m=audio RTP/SAVP a=rtcp:a=ssrc: cname:a=sendonly a=recvonly a=inactive
P-Asserted-Identity: <sip:
Record-Route: <sip:;lr>
Route: <sip:;lr>
;transport=tcp;transport=tls SIP/2.0/TLS SIP/2.0/TCP SIP/2.0 100 Trying
Server: User-Agent: Asterisk PBX
Require: timer
Session-Expires: 1800;refresher=uas
Min-SE: 90
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY
Supported: 100rel, 199, norefersub, replaces, timer
User-Agent: Ringback
X-Ringback-Job: Session-Expires: 1800
BYE sip:CSeq: 2 BYE
Reason: Q.850;cause=16;text="Normal call clearing"
INVITE sip:@127.0.0.1: SIP/2.0
Via: SIP/2.0/UDP ;received=;rport;branch=z9hG4bK
SIP/2.0 180 Ringing
ACK sip:Max-Forwards: 70
CSeq: 1 ACK
SIP/2.0 200 OK
From: <sip:>;tag=
To: <sip:>;tag=
Call-ID:
CSeq: 1 INVITE
Contact: <sip:ringback@
Content-Type: application/sdp
Content-Length: 0

v=0
o=- IN IP4 s=-
c=IN IP4 t=0 0
m=audio RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
""".replace(b"\n", b"\r\n")


def compressed(text: bytes) -> bytes:
    """The text in fewer bytes."""
    packer = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _OFTEN
    )
    return packer.compress(text) + packer.flush()


def decompressed(data: bytes) -> bytes:
    """What was compressed."""
    opener = zlib.decompressobj(_WINDOW, _OFTEN)
    return opener.decompress(data) + opener.flush()

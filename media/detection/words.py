"""What the words of a greeting say of who answers, where a recogniser hears them."""

import re
from typing import Final

from ..detection_limits import Label

_SIGNS: Final[tuple[tuple[Label, str], ...]] = (
    (
        "screening",
        r"screening|who(?:'s| is) calling|(?:say|state|record) your name|reason for (?:your )?call"
        r"|wer ruft an|(?:ihren|deinen) namen|grund (?:ihres|deines) anrufs"
        r"|votre nom|qui appelle|su nombre|quién llama",
    ),
    (
        "voicemail",
        r"voice ?mail|mail ?box|leave (?:me )?a message|your message|after the (?:tone|beep)"
        r"|at the tone|(?:not|un)\s?available|call you back"
        r"|nachricht|anrufbeantworter|nach dem (?:signal)?ton|messagerie|laisse[rz].*message"
        r"|après le bip|buzón|deje.*mensaje|después de la señal|segreteria|dopo il segnale"
        r"|сообщение|после сигнала|poczta głosowa|po sygnale",
    ),
    (
        "ivr",
        r"\bpress\b|\bdial (?:one|two|three|\d)|\bmenu\b|stay on the line|representative"
        r"|drücken sie|tapez|pulse\b|premere|нажмите|naciśnij",
    ),
)
_PATTERNS: Final = tuple((label, re.compile(pattern)) for label, pattern in _SIGNS)
_MOST_CHARACTERS: Final = 2000


def label_of(text: str) -> Label | None:
    """The machine that says so; None where the words do not tell.

    Who asks for a name and has a mailbox, too, is a mailbox: it says more of that.
    """
    lowered = text[:_MOST_CHARACTERS].lower()
    counts = {label: len(pattern.findall(lowered)) for label, pattern in _PATTERNS}
    best = max(counts, key=lambda label: counts[label])
    return best if counts[best] else None

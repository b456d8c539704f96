"""Who or what may have answered, and the limits by which it is told. Times are milliseconds."""

from typing import Final, Literal, TypeAlias, get_args

import msgspec

Label: TypeAlias = Literal["human", "voicemail", "ivr", "screening", "fax", "silence", "unknown"]
"""Who or what has answered: a person; a mailbox; a menu or an announcement; an assistant that asks
who is calling; a fax; nobody who says anything; or it cannot be told."""

LABELS: Final = get_args(Label)

Reason: TypeAlias = Literal[
    "short_greeting",
    "long_greeting",
    "fluent_greeting",
    "beep",
    "fax_tone",
    "waits_for_answer",
    "many_phrases",
    "endless_speech",
    "words",
    "initial_silence",
    "progress_tone",
    "music",
    "stopped",
]
"""By what it was decided."""


class DetectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The names are those of app_amd of Asterisk where it has them. See [detection.limits]."""

    initial_silence_ms: int
    """Where nobody has said anything by then, the label is silence."""
    greeting_ms: int
    """Whoever speaks longer before the first pause is a machine."""
    fluent_ms: int
    """The longest phrase of a person, in ms, in a greeting that is longer than the next limit."""
    fluent_greeting_ms: int
    """See `fluent_ms`."""
    word_pause_ms: int
    """The silence after one word by which a person is recognised."""
    short_pause_ms: int
    """The same after a greeting of about a second."""
    long_pause_ms: int
    """The silence after a greeting of nearly `greeting_ms` by which a person is recognised."""
    min_word_ms: int
    """What is shorter is a click, not a word."""
    between_words_ms: int
    """A pause from which on another phrase begins."""
    max_phrases: int
    """Whoever says more phrases before a pause that is long enough is a machine."""
    total_ms: int
    """By then it is known whether it is a person."""
    machine_ms: int
    """By then it is known which machine it is."""
    wait_ms: int
    """A machine that is silent for so long after it has spoken waits for an answer."""
    question_ms: int
    """An assistant that asks who is calling does not speak longer; a menu does."""
    min_beep_ms: int
    """The shortest beep of a mailbox."""
    max_beep_ms: int
    """The longest one."""
    words_ms: int
    """How much later a person is joined, at most, where a recogniser listens; in ms."""

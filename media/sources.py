"""What a leg may hear: one tagged union, carried in the worker's messages.

Every leg hears exactly one source at a time, and perhaps an announcement in its place or over it.
Prompts, playlists and tones are finite unless `loop` is set; a finite source that ends is followed
by silence.
"""

import msgspec


class Silence(msgspec.Struct, frozen=True, tag="silence"):
    """Packets of G.711 silence, so that the peer sees a living stream."""


class Tone(msgspec.Struct, frozen=True, tag="tone"):
    """A tone in the notation of `tones.py`, such as "425/1000,0/4000" (Hz/ms); gain in dB."""

    spec: str
    loop: bool = False
    gain_db: float = 0.0


class Prompt(msgspec.Struct, frozen=True, tag="prompt"):
    """A sound file of any rate, width and number of channels."""

    path: str
    loop: bool = False


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Hold music, without end: the WAV file at `path`, or the built-in melody."""

    path: str | None = None


class Ringing(msgspec.Struct, frozen=True, tag="ringing"):
    """Ringback tone with the cadence of a region ("GB", "US", ...), for ever."""

    region: str = "GB"


class Peer(msgspec.Struct, frozen=True, tag="peer"):
    """What another leg of the same worker says: the relay. Till then, what was heard before.

    With `is_asking` also sound in which keys may be, while those are kept from everybody else.
    """

    leg: str
    is_asking: bool = False


class Mix(msgspec.Struct, frozen=True, tag="mix"):
    """What other legs of the same worker say, added up. Nobody hears themselves."""

    legs: tuple[str, ...]


class Playlist(msgspec.Struct, frozen=True, tag="playlist"):
    """Sound files one after the other."""

    paths: tuple[str, ...]
    loop: bool = False


class Stream(msgspec.Struct, frozen=True, tag="stream"):
    """Sound files over and over, at one position for all who hear them: as a radio station."""

    paths: tuple[str, ...]


Source = Silence | Tone | Prompt | Hold | Ringing | Playlist | Stream | Peer | Mix

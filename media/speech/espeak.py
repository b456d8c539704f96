"""libespeak-ng through ctypes: text in, int16 samples out.

Some texts smash its stack, so that only the process of speech_process.py may load it.

The library is one per process, keeps its state in globals and is not reentrant, so that one lock
guards it. ctypes releases the GIL while it speaks. The package espeakng_loader carries both the
library and its data.
"""

import ctypes
import os
import threading
from collections.abc import Iterator
from typing import Final

import espeakng_loader

MIN_RATE_WPM: Final = 80  # the range of espeakRATE, espeak-ng speak_lib.h
MAX_RATE_WPM: Final = 450

# Names and values of speak_lib.h, espeak-ng 1.52
_AUDIO_OUTPUT_SYNCHRONOUS = 2  # samples go to the callback, and espeak_Synth returns at the end
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1  # and neither espeakSSML nor espeakPHONEMES: the text is plain
_POS_CHARACTER = 1
_PARAMETER_RATE = 1
_EE_OK = 0

_LONGEST_DATA_PATH = 120  # the library keeps it in a buffer of 160 and cuts what is longer


class SpeechError(Exception):
    """Text that cannot be spoken, or no means to speak; `reason` is for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoSuchVoice(SpeechError):
    """The library has no voice of that name."""


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Espeak:
    """The library, initialised. Get it by `espeak()`."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise SpeechError(f"libespeak-ng cannot be loaded: {error}") from error
        data_path = _short_path(os.fsencode(espeakng_loader.get_data_path()))
        # Its signatures: int espeak_Initialize(output, buflength, path, options), ...
        self.sample_rate_hz = int(
            self._library.espeak_Initialize(
                _AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, _INITIALIZE_DONT_EXIT
            )
        )
        if self.sample_rate_hz <= 0:
            raise SpeechError(f"libespeak-ng cannot use its data at {os.fsdecode(data_path)}")
        self._chunks: list[bytes] = []
        self._samples_left = 0
        self._callback = _SynthCallback(self._collect)  # kept alive as long as the library
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_Synth.argtypes = (
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        self._voices = _voices_by_tag(self._library)
        self._lock = threading.Lock()

    def voice_identifier(self, voice: str) -> str:
        """The library's identifier ("gmw/en") of a voice given as language tag ("en-gb"), name or
        identifier; NoSuchVoice when there is none.

        Of a tag without a voice of its own ("de-DE") it is that of the language (RFC 4647 section
        3.4).
        """
        wanted = voice.lower()
        while wanted not in self._voices:
            wanted = wanted.rpartition("-")[0]
            if not wanted:
                raise NoSuchVoice(f"there is no voice {voice!r}")
        return self._voices[wanted]

    def speak(self, text: str, *, voice: str, rate_wpm: int, max_duration_s: float) -> bytes:
        """int16 samples at `sample_rate_hz` of plain text; blocks; safe from any thread.

        Raises SpeechError; also when the speech would last longer than `max_duration_s`.
        """
        return self.speak_as(
            text,
            identifier=self.voice_identifier(voice),
            rate_wpm=rate_wpm,
            max_duration_s=max_duration_s,
        )

    def speak_as(
        self, text: str, *, identifier: str, rate_wpm: int, max_duration_s: float
    ) -> bytes:
        """As `speak`, in the voice of an identifier, with a variant if it has one ("gmw/en+f2")."""
        encoded = text.encode("utf-8", "replace") + b"\0"
        with self._lock:
            self._chunks.clear()
            self._samples_left = round(max_duration_s * self.sample_rate_hz)
            status = self._library.espeak_SetVoiceByName(identifier.encode())
            if status == _EE_OK:  # a voice brings its own rate, so the rate comes second
                status = self._library.espeak_SetParameter(_PARAMETER_RATE, rate_wpm, 0)
            if status == _EE_OK:
                status = self._library.espeak_Synth(
                    encoded, len(encoded), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
                )
            sound = b"".join(self._chunks)
            self._chunks.clear()
            too_long = self._samples_left < 0
        if too_long:
            raise SpeechError(f"the speech lasts more than {max_duration_s:g} s")
        if status != _EE_OK:
            raise SpeechError(f"libespeak-ng failed with status {status}")
        return sound

    def _collect(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: int) -> int:
        if wave and count > 0:
            self._samples_left -= count
            if self._samples_left < 0:
                return 1  # stop speaking
            self._chunks.append(ctypes.string_at(wave, 2 * count))
        return 0


def _short_path(path: bytes) -> bytes:
    if len(path) <= _LONGEST_DATA_PATH:
        return path
    # The data is read on demand, so that this descriptor stays open as long as the process lives.
    return b"/proc/self/fd/%d" % os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _voices_by_tag(library: ctypes.CDLL) -> dict[str, str]:
    """Identifiers by language tag, name and identifier, all in lower case."""
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    voices = library.espeak_ListVoices(None)
    best: dict[str, tuple[int, str]] = {}
    index = 0
    while voices[index]:  # the list ends with a null pointer
        voice = voices[index].contents
        identifier = voice.identifier.decode()
        tags = [(0, identifier), (1, voice.name.decode()), *_languages(voice.languages)]
        for priority, tag in tags:
            known = best.get(tag.lower())
            if known is None or priority < known[0]:  # a lower number is the better match
                best[tag.lower()] = (priority, identifier)
        index += 1
    return {tag: identifier for tag, (_, identifier) in best.items()}


def _languages(address: int | None) -> Iterator[tuple[int, str]]:
    """A priority byte and a C string for each language, then a zero byte."""
    if address is None:
        return
    while priority := ctypes.string_at(address, 1)[0]:
        tag = ctypes.string_at(address + 1)
        yield priority, tag.decode()
        address += len(tag) + 2


_library: Espeak | None = None
_library_lock = threading.Lock()


def espeak() -> Espeak:
    """The process's libespeak-ng, loaded at the first call; raises SpeechError."""
    global _library
    with _library_lock:
        if _library is None:
            _library = Espeak()
        return _library

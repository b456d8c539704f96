"""Voices that the configuration names: whether the synthesizer has them."""

from collections.abc import Iterator

from config.all_sections import AllSections
from config.errors import Fault
from config.sections import Whisper
from config.spoken import split_voice
from media.speech.synthesizer import NoSuchVoice, SpeechError, Synthesizer


def unknown_voices(settings: AllSections) -> Iterator[Fault]:
    """A fault for each voice that there is not. None where nothing can be spoken at all."""
    named = [(key, voice) for key, voice in _named(settings) if voice]
    if not named or settings.speech.command:
        return  # so that no process that speaks is started for nothing; a command has its own
    synthesizer = Synthesizer(settings.whisper.cache_dir)
    try:
        for key, voice in named:
            try:
                synthesizer.look_for(voice)
            except NoSuchVoice as error:
                yield Fault(key, error.reason)
    except SpeechError:
        return  # the engine says so at its start, and does without
    finally:
        synthesizer.close()


def speech_fault(settings: AllSections) -> str | None:
    """Why espeak-ng does not speak in whisper.voice; None where it does."""
    synthesizer = Synthesizer(settings.whisper.cache_dir)
    try:
        synthesizer.look_for(settings.whisper.voice)
    except SpeechError as error:
        return error.reason
    finally:
        synthesizer.close()
    return None


def _named(settings: AllSections) -> Iterator[tuple[str, str]]:
    """Every voice that is named, with the key; "" where none is."""
    whisper = settings.whisper
    if whisper.voice != Whisper().voice:
        yield "whisper.voice", whisper.voice
    yield "whisper.default", split_voice(whisper.default)[0]
    for number, script in enumerate(settings.scripts):
        for key, voice in script.voices():
            yield f"scripts[{number}].{key}", voice
    for number, room in enumerate(settings.rooms):
        for key, voice in room.voices():
            yield f"rooms[{number}].{key}", voice
    for number, queue in enumerate(settings.queues):
        yield f"queues[{number}].voice", queue.voice
    for number, route in enumerate(settings.inbound):
        yield f"inbound[{number}].voice", route.voice
        yield f"inbound[{number}].whisper", split_voice(route.whisper)[0]
    for number, rule in enumerate(settings.rules):
        yield f"rules[{number}].set.whisper", split_voice(rule.set.whisper or "")[0]

"""What is looked at before the engine starts, so that it does not show at the first call only.

The configuration alone cannot know it: directories must be writable, sounds readable, the voice
there.
"""

import errno
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from config.all_sections import AllSections
from config.settings import Settings
from config.sounds import find_configured
from config.value_checks.sip_uris import is_sip_uri, uses_tls
from media.sound.prompt_files import PromptError, check_prompt
from media.speech.synthesizer import NoSuchVoice, SpeechError, Synthesizer

from .routing.local_codecs import missing

log = structlog.get_logger()

# What a disk that is full answers: it may have room again at the next call.
_FULL = (errno.ENOSPC, errno.EDQUOT)


def check(settings: Settings) -> None:
    """Raises ConfigError naming the key whose value cannot be used.

    Directories that are not there are made, as they would be at the first call.
    """
    for key, directory in (
        ("media.recordings", settings.media.recordings),
        ("whisper.cache_dir", settings.whisper.cache_dir),
    ):
        try:
            _must_be_writable(directory)
        except OSError as error:
            if error.errno not in _FULL:
                reason = f"{directory}: {error.strerror or error}"
                raise settings.error(key, reason) from error
    named = [("media.hold", settings.media.hold)]
    for number, room in enumerate(settings.rooms):
        named += [(f"rooms[{number}].{key}", name) for key, name in room.sounds()]
    named += settings.do_not_call.sounds()
    for key, name in named:
        try:
            if name:
                check_prompt(str(find_configured(name, settings.media.sounds) or name))
        except PromptError as error:
            raise settings.error(key, str(error)) from error
    try:
        Synthesizer(settings.whisper.cache_dir, voice=settings.whisper.voice).prepare()
    except NoSuchVoice as error:
        raise settings.error("whisper.voice", error.reason) from error
    except SpeechError as error:  # calls are better without speech than not at all
        log.error("no_speech", reason=error.reason)
    warn_of_keys_in_clear(settings)
    warn_of_missing_codecs(settings)


def warn_of_missing_codecs(settings: Settings) -> None:
    """Log each trunk and agent with a codec that does not work on this machine."""
    for kind, name, codec, reason in missing_codecs(settings):
        log.warning("codec_not_offered", **{kind: name}, codec=codec, reason=reason)


def missing_codecs(settings: AllSections) -> Iterator[tuple[str, str, str, str]]:
    """Each trunk and agent with a codec that does not work here: kind, name, codec, reason."""
    accounts = [("trunk", trunk.name, trunk.codecs) for trunk in settings.trunks]
    accounts += [("agent", agent.name, agent.codecs) for agent in settings.agents]
    for kind, name, codecs in accounts:
        for codec in codecs:
            reason = missing().get(codec)
            if reason is not None:
                yield kind, name, codec, reason


def warn_of_keys_in_clear(settings: Settings) -> None:
    """Log each trunk and agent whose SRTP keys travel where others can read them."""
    for kind, name, uri, reason in keys_in_clear(settings):
        log.warning("srtp_keys_in_clear", **{kind: name}, uri=uri, reason=reason)


def keys_in_clear(settings: AllSections) -> Iterator[tuple[str, str, str, str]]:
    """Each trunk and agent whose SRTP keys others can read: kind, name, URI, reason."""
    uris = [
        ("trunk", trunk.name, trunk.srtp, uri) for trunk in settings.trunks for uri in trunk.sent_to
    ]
    for agent in settings.agents:
        uris += [("agent", agent.name, agent.srtp, one.uri) for one in agent.reached_at]
    for kind, name, srtp, uri in uris:
        # A browser's keys are agreed by DTLS.
        if srtp != "off" and is_sip_uri(uri) and not uses_tls(uri):
            reason = "its SIP is not encrypted, and carries the keys of its SRTP"
            yield kind, name, uri, reason


def _must_be_writable(directory: Path) -> None:
    """Raises OSError. Only its owner may read what is said there."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass

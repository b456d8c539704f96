"""One script on one leg: says, gathers and does what the machine asks for, until it ends."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from config.scripts import Script
from config.sounds import FILE
from media.sources import Playlist, Prompt, Silence, Source

from ...errors import BadParams, EngineError
from ...scripts.actions import (
    Action,
    Answer,
    Ask,
    CallBack,
    Connect,
    Done,
    Ending,
    Failed,
    FindSlots,
    HangUp,
    Keys,
    Rate,
    Record,
    Say,
    Slots,
    Spoken,
    Transfer,
)
from ...scripts.machine import ScriptMachine
from ...scripts.record import ScriptRecord, ScriptUse
from ..announcing.whisper import Announcement
from ..call import Call
from ..keys.gather import GatherSettings
from ..keys.typed_ahead import TypedAhead
from ..leg import Leg
from ..recognition.speech import WantedSpeech
from ..services import CallServices
from .scripts import CallFacts
from .voicemail import Voicemail

SENTENCE_LIMIT_S: Final = 120.0
STEPS_TOLD: Final = 100
"""How many steps of one script are published."""


class ScriptHost(Protocol):
    """The call flow whose party walks through a script."""

    @property
    def call(self) -> Call:
        """The call."""

    def publish(self, kind: str, **fields: Any) -> None:
        """Publish an event of the call."""

    def add_context(self, more: Mapping[str, Any]) -> None:
        """Know this of the call besides."""

    def add_script(self, record: ScriptRecord, /) -> None:
        """Keep on the record of the call that a script was walked through."""

    async def find_slots(self, wanted: FindSlots, language: str, /) -> Slots:
        """Times at which the party may be called back. Raises EngineError."""

    async def call_back(self, wanted: CallBack, /) -> None:
        """Have the party called back. Raises EngineError."""

    async def rate(self, rating: int, /) -> None:
        """Keep what the party thinks of the talk. Raises EngineError."""

    async def message_left(self, recording: str, duration_s: float, wanted: Record, /) -> None:
        """A message was recorded. Raises EngineError."""


class LegScript:
    """The walk of the party of `leg` through `script`. Run it while the leg is up, and `finish`."""

    def __init__(
        self,
        services: CallServices,
        host: ScriptHost,
        leg: Leg,
        script: Script,
        use: ScriptUse,
    ) -> None:
        self._services = services
        self._host = host
        self._leg = leg
        self._script = script
        about = host.call.about
        party = about.get("number") or about.get("from") or ""
        self._machine = ScriptMachine(
            script,
            CallFacts(
                services.scripts, host.call.job_id or host.call.id, party, services.clock.now
            ),
            about.get("context") or {},
            now=services.clock.monotonic(),
        )
        self._record = ScriptRecord(script=script.name, use=use, started=services.clock.now())
        self._told = 0
        self._spoken: list[Announcement] = []
        self._has_secrets = any(step.secret for step in script.steps)
        self._typed = TypedAhead(is_secret=self._has_secrets)

    async def run(self) -> Ending:
        """Walk to the end. Raises LegEnded by way of the scope that it runs in."""
        self._leg.hear(Silence())
        self._host.add_script(self._record)
        return await self._walk(self._machine.begin())

    async def not_transferred(self, reason: str) -> Ending:
        """The transfer that ended it has failed: walk on."""
        self._leg.hear(Silence())
        return await self._walk(self._machine.answer(Failed(reason), self._now()))

    async def _walk(self, action: Action) -> Ending:
        self._leg.take_keys(self._typed)
        try:
            while True:
                self._tell_steps()
                self._take_over_context()
                if isinstance(action, Connect | Transfer | HangUp):
                    return action
                try:
                    async with asyncio.timeout(self._machine.left_s):
                        answer = await self._do(action)
                except TimeoutError:
                    action = self._machine.late()
                else:
                    action = self._machine.answer(answer, self._now())
                finally:
                    self._forget_spoken()
        except asyncio.CancelledError:
            self._machine.stop("hung_up", "the party, or the call, was hung up")
            raise
        except Exception as error:
            self._machine.stop("stopped", str(error))
            raise
        finally:
            self._leg.take_keys(None)
            self._typed.forget()

    def _now(self) -> float:
        return self._services.clock.monotonic()

    # -- what is told of it -------------------------------------------------------------------

    def _tell_steps(self) -> None:
        for entered in self._machine.take_entered():
            self._told += 1
            if self._told <= STEPS_TOLD:
                self._host.publish(
                    "script.step",
                    leg=self._leg.id,
                    script=self._script.name,
                    step=entered.step,
                    step_kind=entered.kind,
                    nth=self._told,
                )

    def _take_over_context(self) -> None:
        learnt, self._machine.learnt = self._machine.learnt, {}
        if learnt:
            self._host.add_context(learnt)

    def finish(self) -> None:
        """It is over: publish how it went. Idempotent."""
        machine, record = self._machine, self._record
        if record.ended is not None:
            return
        record.path, record.steps = list(machine.path), machine.steps
        record.ended = self._services.clock.now()
        record.result, record.cause = machine.ended or "stopped", machine.cause
        self._host.publish(
            "script.finished",
            leg=self._leg.id,
            script=record.script,
            use=record.use,
            result=record.result,
            cause=record.cause,
            steps=record.steps,
            path=record.path,
        )

    # -- what it asks for ---------------------------------------------------------------------

    async def _do(self, action: Action) -> Answer:
        try:
            match action:
                case Say(text):
                    await self._say(text)
                case Ask():
                    return await self._ask(action)
                case FindSlots():
                    return await self._host.find_slots(action, self._script.language)
                case CallBack():
                    await self._host.call_back(action)
                case Rate(rating):
                    await self._host.rate(rating)
                case Record():
                    await self._take_message(action)
        except (EngineError, BadParams) as error:
            return Failed(str(error))
        return Done()

    async def _say(self, text: str) -> None:
        sound = await self._sound([text])
        if sound is not None:
            await self._leg.play(sound, limit_s=SENTENCE_LIMIT_S)

    async def _ask(self, ask: Ask) -> Keys | Spoken:
        settings = GatherSettings(
            max_digits=ask.max_digits,
            min_digits=ask.min_digits,
            terminator=ask.terminator,
            first_digit_s=ask.first_digit_s,
            between_digits_s=ask.between_digits_s,
            barge_in=ask.barge_in,
            secret=ask.secret,
            speech=self._speech(ask),
        )
        prompt = await self._sound(ask.texts)
        if ask.is_again:  # what follows a wrong key was meant for something else
            self._typed.forget()
        gathered = await self._services.gathers.run(
            self._host.call, self._leg, settings, prompt, self._typed
        )
        if gathered.word is not None and ask.spoken:
            digits = gathered.word
            if len(digits) > ask.max_digits:
                return Spoken(digits)
            return Keys(digits, is_too_few=len(digits) < ask.min_digits)
        if gathered.ended in ("speech", "no_match"):
            return Spoken(gathered.word or "")
        return Keys(gathered.digits, is_too_few=gathered.ended == "too_few")

    def _speech(self, ask: Ask) -> WantedSpeech | None:
        """What is listened for; None: keys alone, also where nothing can be recognised now."""
        if not ask.words and not ask.spoken:
            return None
        wanted = WantedSpeech(ask.words, digits=ask.spoken, language=self._script.language)
        return wanted if self._services.gathers.can_recognise(wanted) else None

    async def _take_message(self, wanted: Record) -> None:
        voicemail = Voicemail(self._services, self._host, self._leg, wanted)
        self._typed.hides_keys = False
        try:
            await voicemail.record_message()
        except BaseException:
            # Who hangs up after they have spoken has left a message, too.
            with suppress(EngineError):
                await voicemail.finish()
            raise
        finally:
            self._typed.hides_keys = self._has_secrets
            self._typed.forget()
        await voicemail.finish()

    async def _sound(self, texts: Sequence[str]) -> Source | None:
        """The texts as one sound; None where nothing of them can be heard, which is published."""
        paths: list[str] = []
        for text in texts:
            if text.startswith(FILE):
                sounds = self._services.announcer.sounds
                paths.append(str(sounds.configured(text.removeprefix(FILE))))
            elif text:
                spoken = await self._services.announcer.speak(
                    text, voice=self._script.spoken_by, is_personal=self._is_personal(text)
                )
                if not isinstance(spoken, Announcement):
                    self._leg.publish_not_played(spoken.reason)
                elif isinstance(spoken.source, Prompt):
                    self._spoken.append(spoken)
                    paths.append(spoken.source.path)
        if not paths:
            return None
        return Prompt(paths[0]) if len(paths) == 1 else Playlist(tuple(paths))

    def _is_personal(self, text: str) -> bool:
        """Whether it says something that is not in the configuration."""
        return all(text != one for _key, one in self._script.said())

    def _forget_spoken(self) -> None:
        spoken, self._spoken = self._spoken, []
        for one in spoken:
            self._services.announcer.forget(one)

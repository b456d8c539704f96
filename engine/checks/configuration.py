"""A configuration checked by the rules of the running engine, before there is one.

`config` knows what each key may hold and which names fit together. What would be dialled, shown and
published is known here: the same dialplan and number plan read it as at run time.
"""

import os
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config.all_sections import AllSections
from config.checks.addresses import listens_to_browsers, outside_numbers
from config.checks.known import Known
from config.errors import Fault
from config.inbound import Inbound
from config.settings import Route, Settings, Written, read
from config.value_checks.sip_uris import browser_of
from media.webrtc_client import is_installed
from sip.errors import ParseError
from sip.transport.tls.contexts import TlsContexts, TlsFileError

from ..control.event_types import EVENT_TYPES
from ..errors import EngineError
from ..routing.dialplan import Dialplan
from ..routing.endpoint_options import tls_options
from ..routing.local_codecs import here, missing
from ..routing.numbers.number_plan import NumberPlan
from ..routing.numbers.phone_number import example_number
from ..routing.numbers.reading import NotDialable, Reading, is_uri
from ..routing.targets.number_rewriting import SentNumbers
from .speech import missing_recogniser, missing_words
from .voices import unknown_voices

DEFAULT_ROOM = "default"


def load(path: str | os.PathLike[str], environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in the file at `path`, checked as a whole. Raises ConfigError, every fault."""
    written = read(path, environ)
    return written.whole(faults_of(written))


def faults_of(written: Written) -> list[Fault]:
    """Every fault that the running engine would come upon, besides those that are known already.

    Where a trunk or route has a fault itself, nothing is said of numbers that no route takes.
    """
    settings, routes = written.settings, list(written.settings.routes)
    if any(fault.key.startswith(("trunks", "routes", "dial")) for fault in written.faults):
        names = [trunk.name for trunk in settings.trunks] or ["none"]
        routes.append(Route.model_construct(prefix="", trunks=names))
    try:
        dialplan = dialplan_of(settings, routes)
    except ParseError as error:
        return [Fault("trunks", error.reason)]
    check = _Check(settings, dialplan, written.known)
    check.addresses()
    check.dialled()
    check.shown()
    rooms = _unused_rooms(settings, written.known)
    tls = [*_rewritten(settings), *_certificates(settings), *_trust(settings)]
    tls += [*_browsers(settings), *missing_recogniser(settings)]
    tls += missing_words(settings)
    more = [*rooms, *_webhooks(settings), *tls, *unknown_voices(settings), *_codecs(settings)]
    return [*check.faults, *_hidden(settings), *more]


def _codecs(settings: AllSections) -> Iterator[Fault]:
    """A fault for each trunk or agent all of whose codecs lack what they need on this machine."""
    wanted = [(f"trunks[{number}]", one.codecs) for number, one in enumerate(settings.trunks)]
    wanted += [(f"agents[{number}]", one.codecs) for number, one in enumerate(settings.agents)]
    wanted.append(("webrtc", settings.webrtc.codecs))
    for account, codecs in wanted:
        if codecs and not here(codecs):
            yield Fault(f"{account}.codecs", "; ".join(missing().values()))


def readings_of(settings: AllSections) -> list[tuple[str, str, str]]:
    """What each number that the configuration would dial is read as: key, text, words."""
    dialplan = dialplan_of(settings)
    agents = [(key, text) for key, _name, text in _agents_addresses(settings)]
    return [
        (key, text, dialplan.classify(text, field=key).describe())
        for key, text in (*agents, *_dialled_by_others(settings))
        if not is_uri(text) and browser_of(text) is None and not dialplan.is_agent(text)
    ]


def dialplan_of(settings: AllSections, routes: Iterable[Route] | None = None) -> Dialplan:
    """The dialplan that the running engine would have; with these routes, where they are given."""
    return Dialplan(
        trunks=settings.trunks,
        routes=tuple(settings.routes if routes is None else routes),
        agents=settings.agents,
        allow_hosts=settings.dial.allow_hosts,
        plan=NumberPlan.of(settings),
    )


def _agents_addresses(settings: AllSections) -> Iterator[tuple[str, str, str]]:
    """Every address of every agent: its key, whose it is, and what it is."""
    for index, agent in enumerate(settings.agents):
        for key, uri in agent.given_uris:
            yield f"agents[{index}].{key}", agent.name, uri


def _dialled_by_others(settings: AllSections) -> Iterator[tuple[str, str]]:
    """Everything else that the configuration may have dialled, with its key."""
    yield from outside_numbers(settings)
    for index, code in enumerate(settings.numbering.short_codes):
        yield f"numbering.short_codes[{index}]", code
    for index, rule in enumerate(settings.rules):
        if rule.set.agent is not None:
            yield f"rules[{index}].set.agent", rule.set.agent
    for index, agent in enumerate(settings.agents):
        if agent.fallback.to:
            yield f"agents[{index}].fallback.to", agent.fallback.to
    for index, script in enumerate(settings.scripts):
        for number, step in enumerate(script.steps):
            if step.fallback.to:
                yield f"scripts[{index}].steps[{number}].fallback.to", step.fallback.to


class _Check:
    """What is dialled and shown, by the dialplan that the settings make. Faults are collected."""

    def __init__(self, settings: AllSections, dialplan: Dialplan, known: Known) -> None:
        self._settings = settings
        self._dialplan = dialplan
        self._known = known
        self.faults: list[Fault] = []

    @contextmanager
    def _noting(self, key: str) -> Iterator[None]:
        """Note that what is inside is refused, as a fault of `key`."""
        try:
            yield
        except EngineError as error:
            self.faults.append(Fault(key, error.message))

    def addresses(self) -> None:
        """Agents are reached at numbers and URIs that may be dialled, no two at the same."""
        first: dict[object, str] = {}
        for key, name, text in _agents_addresses(self._settings):
            with self._noting(key):
                self._dialplan.check_address(text, field=key, is_configured=True)
            owner = first.setdefault(self._dialplan.place_of(text), name)
            if owner != name:
                reason = f"{text!r} is an address of agent {owner!r} as well"
                self.faults.append(Fault(key, reason))

    def dialled(self) -> None:
        """Outside numbers, short codes and parties of rules have a route and are not refused."""
        settings = self._settings
        for key, text in _dialled_by_others(settings):
            if not self._known.has("agents", text):
                with self._noting(key):
                    self._dialplan.destination(text, field=key)
        for index, rule in enumerate(settings.rules):
            for name in rule.match.agent or ():
                key = f"rules[{index}].match.agent"
                if not self._known.has("agents", name):
                    with self._noting(key):
                        self._dialplan.classify(name, field=key)

    def shown(self) -> None:
        """Caller ids are numbers that can be called back."""
        settings = self._settings
        shown = [("dial.caller_id", settings.dial.caller_id)]
        for index, trunk in enumerate(settings.trunks):
            shown.append((f"trunks[{index}].caller_id", trunk.caller_id))
            for prefix, ids in trunk.caller_ids.items():
                key = f"trunks[{index}].caller_ids.{prefix}"
                shown += [(key, text) for text in ([ids] if isinstance(ids, str) else ids)]
        for index, rule in enumerate(settings.rules):
            shown.append((f"rules[{index}].set.caller_id", rule.set.caller_id or ""))
        for key, text in shown:
            if text:
                with self._noting(key):
                    self._dialplan.check_caller_id(text, field=key)


# -- numbers as trunks want them ----------------------------------------------------------------


def _rewritten(settings: AllSections) -> Iterator[Fault]:
    """An ordinary number of a trunk's country can be dialled there as it is rewritten."""
    plan = NumberPlan.of(settings)
    for index, trunk in enumerate(settings.trunks):
        numbers = SentNumbers.of(trunk.name, trunk.numbers_out, plan.region)
        if numbers is not None:
            example = Reading("number", example_number(numbers.called.region))
            try:
                numbers.written(example, plan, lambda _number: None)
            except NotDialable as refusal:
                yield Fault(f"trunks[{index}].numbers_out", refusal.reason)


# -- certificates --------------------------------------------------------------------------------


def _certificates(settings: AllSections) -> Iterator[Fault]:
    """The first file of TLS that cannot be used."""
    try:
        TlsContexts(tls_options(settings.sip, settings.trunks))
    except TlsFileError as error:
        key = f"sip.tls.{error.key}"
        for index, trunk in enumerate(settings.trunks):
            if trunk.name == error.local and hasattr(trunk, f"tls_{error.key}"):
                key = f"trunks[{index}].tls_{error.key}"
        yield Fault(key, error.reason)


def _trust(settings: AllSections) -> Iterator[Fault]:
    """What [stir] names and cannot be used. Read only where it is used: it takes cryptography."""
    stir = settings.stir
    if stir.mode == "off":
        return
    from ..stir.certificate import TrustError, TrustStore

    try:
        TrustStore.read(Path(stir.trust))
    except TrustError as error:
        yield Fault("stir.trust", str(error))
    try:
        ssl.create_default_context(cafile=stir.https_ca or None)
    except OSError as error:
        yield Fault("stir.https_ca", f"{stir.https_ca}: {error.strerror or error}")


def _browsers(settings: AllSections) -> Iterator[Fault]:
    """Browsers need a library, which is not installed with everything else."""
    if listens_to_browsers(settings) and not is_installed():
        reason = "browsers need a library that is not there: pip install 'ringback[webrtc]'"
        yield Fault("sip.listen", reason)


# -- what comes in, and what is published --------------------------------------------------------


def _hidden(settings: AllSections) -> Iterator[Fault]:
    """Inbound routes that no call can reach, since earlier ones take all of theirs."""
    plan, trunks = NumberPlan.of(settings), {trunk.name for trunk in settings.trunks}
    fallbacks = {route.fallback for route in settings.inbound}
    for index, route in enumerate(settings.inbound):
        if route.name in fallbacks:  # it takes the calls of another route as well
            continue
        wanted = set(route.trunks) or trunks
        for earlier in settings.inbound[:index]:
            if not _covers(earlier, route, plan):
                continue
            wanted = wanted - set(earlier.trunks) if earlier.trunks else set()
            if not wanted:
                reason = (
                    f"the earlier [[inbound]] {earlier.name!r} takes every call of {route.name!r}"
                )
                yield Fault(f"inbound[{index}].number", f"{reason}; the first that fits is taken")
                break


def _covers(earlier: Inbound, later: Inbound, plan: NumberPlan) -> bool:
    """Whether every number that fits the later route fits the earlier one."""
    if earlier.exact:
        return later.exact and later.number == earlier.number
    if later.number.startswith(earlier.number):
        return True
    number = plan.number_of(later.number) if later.exact else None
    return number is not None and number.e164.startswith(earlier.number)


def _unused_rooms(settings: AllSections, known: Known) -> Iterator[Fault]:
    asked_for = {route.room for route in settings.inbound} | {DEFAULT_ROOM}
    for index, room in enumerate(settings.rooms):
        if room.name not in asked_for and not known.has("queues", room.name):
            reason = f"no queue is named {room.name!r}, and no [[inbound]] names the room"
            yield Fault(f"rooms[{index}].name", reason)


def _webhooks(settings: AllSections) -> Iterator[Fault]:
    for index, webhook in enumerate(settings.webhooks):
        for number, beginning in enumerate(webhook.types):
            if not any(name.startswith(beginning) for name in EVENT_TYPES):
                key = f"webhooks[{index}].types[{number}]"
                yield Fault(key, f"no event's type begins with {beginning!r}")

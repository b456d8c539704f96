"""Checks across sections: names that one section uses of another, and what stands twice or hides.

Each check gives every fault that it finds.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .agent_capacity import names_of
from .all_sections import AllSections
from .errors import Fault
from .rights import TOKEN_LENGTH
from .script_checks import script_faults
from .sites import Site, Web
from .skills import skill_faults
from .sounds import find_configured
from .value_checks.sip_uris import browser_of, host_of, is_sip_uri, uses_tls
from .value_checks.texts import is_name

NAMED = (
    "trunks",
    "agents",
    "webhooks",
    "alerts",
    "inbound",
    "rooms",
    "music",
    "scripts",
    "calendars",
    "centres",
    "queues",
)
EVERYWHERE = ("0.0.0.0", "::")


class Known:
    """The names that the entries of each section have, also of entries that have a fault.

    Where the name itself has a fault, nothing is known of its section.
    """

    def __init__(self, names: Mapping[str, set[str]], unknown: Container[str] = ()) -> None:
        self._names, self._unknown = names, unknown

    @classmethod
    def in_data(cls, data: Mapping[str, Any], *, is_whole: bool = True) -> "Known":
        """Those of a configuration as it is written.

        Where it is not whole, sections that are not in it may have any names.
        """
        found: dict[str, set[str]] = {}
        unknown: set[str] = set()
        for section in NAMED:
            entries = data.get(section, [])
            written = entries if isinstance(entries, list) else [None]
            names = [one.get("name") if isinstance(one, Mapping) else None for one in written]
            found[section] = {name for name in names if isinstance(name, str) and is_name(name)}
            is_elsewhere = not is_whole and section not in data
            if is_elsewhere or not all(name in found[section] for name in names):
                unknown.add(section)
        return cls(found, unknown)

    @classmethod
    def of(cls, settings: AllSections) -> "Known":
        """Those of a configuration that has been read."""
        return cls({section: {one.name for one in getattr(settings, section)} for section in NAMED})

    def has(self, section: str, name: str) -> bool:
        """Whether an entry of the section has the name, or may have it."""
        return section in self._unknown or name in self._names[section]

    def missing(self, key: str, section: str, names: Iterable[str | None]) -> Iterator[Fault]:
        """A fault of `key` for each of the names that the section does not have; "" is none."""
        noun = section.removesuffix("s")
        for name in names:
            if name and not self.has(section, name):
                yield Fault(key, f"there is no {noun} named {name!r}")


def faults_of(settings: AllSections, known: Known | None = None) -> Iterator[Fault]:
    """Every fault between the sections of a configuration."""
    known = known or Known.of(settings)
    for check in (
        _check_twice, _check_addresses, _check_tls, _check_sounds, _check_rights, _check_skills,
        _check_prefixes, _check_outside, _check_languages, _check_browsers,
    ):  # fmt: skip
        yield from check(settings)
    for check_names in (
        _check_routes, _check_inbound, _check_rooms, _check_rules, _check_alerts, _check_webhooks,
        _check_agents, _check_queues, _check_sites, script_faults,
    ):  # fmt: skip
        yield from check_names(settings, known)


# -- what stands twice ---------------------------------------------------------------------------


def _check_twice(settings: AllSections) -> Iterator[Fault]:
    for section in (*NAMED, "rules", "rights"):
        yield from _twice(section, "name", "name", [one.name for one in getattr(settings, section)])
    yield from _twice("retry", "cause", "cause", [rule.cause for rule in settings.retry])
    yield from _twice("rates", "prefix", "prefix", [rate.prefix for rate in settings.rates])
    yield from sites_twice(settings.sites)
    yield from sites_unheard(settings.web, settings.sites)
    rights = settings.rights
    for key in ("user", "group"):
        yield from _twice("rights", key, key, [getattr(right, key) for right in rights])
    # One user name is one trunk's: it says who calls.
    users = [trunk.inbound_auth.username for trunk in settings.trunks]
    yield from _twice("trunks", "inbound_auth.username", "user name", users)


def sites_twice(sites: Sequence[Site]) -> Iterator[Fault]:
    """A fault for each site with the name or the key of one before it."""
    for key in ("name", "key"):
        yield from _twice("sites", key, key, [getattr(site, key) for site in sites])


def sites_unheard(web: Web, sites: Sequence[Site]) -> Iterator[Fault]:
    """A fault for each site whose visitors could speak with nobody."""
    for index, site in enumerate(sites):
        if site.speak and not web.phone_server:
            yield Fault(f"sites[{index}].speak", "needs web.phone_server, to call")


def _twice(section: str, key: str, noun: str, values: Sequence[str | int]) -> Iterator[Fault]:
    seen: set[str | int] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Fault(f"{section}[{index}].{key}", f"the {noun} {value!r} stands twice")
        if value != "":
            seen.add(value)


# -- addresses, and who may connect --------------------------------------------------------------


def _check_addresses(settings: AllSections) -> Iterator[Fault]:
    media = settings.media
    if media.address in EVERYWHERE and not media.advertise:
        yield Fault(
            "media.address",
            f"{media.address} is no address that phones can send to; media.advertise says which",
        )


def _check_tls(settings: AllSections) -> Iterator[Fault]:
    """Where TLS is listened on there is a certificate; without a listener nobody could answer."""
    listening = [("sip.tls.cert", "sip.listen", settings.sip.listen, settings.sip.tls.cert)]
    for index, trunk in enumerate(settings.trunks):
        own = trunk.tls_cert or settings.sip.tls.cert
        listening.append((f"trunks[{index}].tls_cert", "its listen", trunk.listen, own))
    for key, where, listen, cert in listening:
        secure = [text for text in listen if text.startswith(("tls:", "wss:"))]
        if not cert and secure:
            yield Fault(key, f"needed with a {secure[0].partition(':')[0]}: address in {where}")
    called = [
        (f"agents[{index}].{key}", uri, False)
        for index, agent in enumerate(settings.agents)
        for key, uri in agent.given_uris
    ]
    hosts_with_own: set[str] = set()
    for index, trunk in enumerate(settings.trunks):
        has_own = _has_tls(trunk.listen)
        if has_own:
            hosts_with_own |= trunk.host_names
        key = f"trunks[{index}]"
        if not trunk.hosts:  # the first of them is its uri otherwise
            called.append((f"{key}.uri", trunk.uri, has_own))
        called.append((f"{key}.outbound_proxy", trunk.outbound_proxy, has_own))
        for number, uri in enumerate(trunk.host_uris):
            called.append((f"{key}.hosts[{number}]", uri, has_own))
        for number, uri in enumerate(trunk.route_uris):
            called.append((f"{key}.route[{number}]", uri, has_own))
        if trunk.tls_names and not settings.sip.tls.verify_client:
            yield Fault(
                f"trunks[{index}].tls_names",
                "needs sip.tls.verify_client, or nobody shows a certificate",
            )
    for key, outside in outside_numbers(settings):
        if is_sip_uri(outside):
            called.append((key, outside, host_of(outside) in hosts_with_own))
    for index, host in enumerate(settings.dial.allow_hosts):
        called.append((f"dial.allow_hosts[{index}]", f"sip:{host}", bool(hosts_with_own)))
    if not _has_tls(settings.sip.listen):
        for key, uri, has_own in called:
            if uses_tls(uri) and not has_own:
                yield Fault(key, "needs TLS, and sip.listen has no tls: address to be answered at")


def _has_tls(listen: Iterable[str]) -> bool:
    """Whether one of the addresses is for TLS, browsers aside."""
    return any(text.startswith("tls:") for text in listen)


def listens_to_browsers(settings: AllSections) -> bool:
    """Whether there is an address that browsers can connect to."""
    own = (text for trunk in settings.trunks for text in trunk.listen)
    return any(text.startswith(("ws:", "wss:")) for text in (*settings.sip.listen, *own))


def _check_browsers(settings: AllSections) -> Iterator[Fault]:
    """A browser that an agent is reached at can sign in."""
    listens = listens_to_browsers(settings)
    with_token = {right.agent for right in settings.rights if right.token.get_secret_value()}
    for index, agent in enumerate(settings.agents):
        for uri_key, text in agent.given_uris:
            key, name = f"agents[{index}].{uri_key}", browser_of(text)
            if name is None:
                continue
            if name != agent.name:
                yield Fault(key, f"is the browser of another: webrtc:{agent.name} is theirs")
            elif not listens:
                yield Fault(key, "needs a ws: or wss: address in sip.listen")
            elif name not in with_token:
                yield Fault(key, "needs a [[rights]] with this agent and a token, to sign in with")


def _check_sounds(settings: AllSections) -> Iterator[Fault]:
    media, speech = settings.media, settings.whisper.cache_dir
    kept = {"media.recordings": media.recordings, "whisper.cache_dir": speech}
    for index, directory in enumerate(media.sounds):
        for what, other in kept.items():
            if other.absolute().is_relative_to(directory.absolute()):
                reason = f"{directory} has {what} in it, which requests must not play"
                yield Fault(f"media.sounds[{index}]", reason)
    named = [
        (f"rooms[{index}].{key}", name)
        for index, room in enumerate(settings.rooms)
        for key, name in room.sounds()
    ]
    for index, script in enumerate(settings.scripts):
        named += [(f"scripts[{index}].{key}", name) for key, name in script.sounds()]
    named += settings.do_not_call.sounds()
    for index, stream in enumerate(settings.music):
        named += [(f"music[{index}].files[{nth}]", name) for nth, name in enumerate(stream.files)]
    for key, name in named:
        if find_configured(name, media.sounds) is None:
            yield Fault(key, f"{name}: there is no such file")


def _check_rights(settings: AllSections) -> Iterator[Fault]:
    control, rights = settings.control, settings.rights
    own = control.token.get_secret_value()
    given = [(f"rights[{n}].token", one.token.get_secret_value()) for n, one in enumerate(rights)]
    tokens = [(key, token) for key, token in (("control.token", own), *given) if token]
    if own and len(own) < TOKEN_LENGTH and (rights or control.default_role):
        yield Fault("control.token", f"must have at least {TOKEN_LENGTH} characters")
    seen: set[str] = set()
    for key, token in tokens:
        if token in seen:
            yield Fault(key, "one token stands twice")
        seen.add(token)
    if control.tcp and not tokens:
        reason = "control.tcp needs a token (or token_file), here or in [[rights]]"
        yield Fault("control.token", reason)


def _check_skills(settings: AllSections) -> Iterator[Fault]:
    yield from skill_faults(settings)


# -- prefixes, and places outside ----------------------------------------------------------------


def _check_prefixes(settings: AllSections) -> Iterator[Fault]:
    routes = [route.prefix for route in settings.routes]
    for index, prefix in enumerate(routes):
        key = f"routes[{index}].prefix"
        first = next((one for one in routes[:index] if prefix.startswith(one)), None)
        if first == prefix:
            yield Fault(key, f"the prefix {prefix!r} stands twice; first match wins")
        elif first is not None:
            reason = f"an earlier route for {first!r} takes all of {prefix!r}; first match wins"
            yield Fault(key, reason)
    codes = settings.numbering.short_codes
    for index, rule in enumerate(settings.rules):
        for prefix in rule.match.prefix or ():
            if not prefix.startswith("+") and not any(one.startswith(prefix) for one in codes):
                reason = f"{prefix!r} must begin with '+': numbers are compared as written in full"
                yield Fault(f"rules[{index}].match.prefix", reason)


def _check_outside(settings: AllSections) -> Iterator[Fault]:
    hosts = {host_of(f"sip:{host}") for host in settings.dial.allow_hosts}
    hosts = hosts.union(*(trunk.host_names for trunk in settings.trunks))
    for key, outside in outside_numbers(settings):
        if is_sip_uri(outside):
            if host_of(outside) not in hosts:
                yield Fault(key, f"host {host_of(outside)!r} is not in dial.allow_hosts")
        elif outside.startswith("+"):
            number = "+" + "".join(filter(str.isdigit, outside))
            if not any(number.startswith(route.prefix) for route in settings.routes):
                yield Fault(key, f"no route takes {number}")


def outside_numbers(settings: AllSections) -> Iterator[tuple[str, str]]:
    """Every number or sip: URI outside that takes calls, and its key."""
    for index, centre in enumerate(settings.centres):
        if centre.number:
            yield f"centres[{index}].number", centre.number
    for index, queue in enumerate(settings.queues):
        for where, step in queue.overflows:
            if step.number:
                yield f"queues[{index}].{where}.number", step.number
    for index, script in enumerate(settings.scripts):
        for nth, one in enumerate(script.steps):
            if one.kind == "transfer" and one.number:
                yield f"scripts[{index}].steps[{nth}].number", one.number


# -- names ---------------------------------------------------------------------------------------


def _check_routes(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, route in enumerate(settings.routes):
        yield from known.missing(f"routes[{index}].trunks", "trunks", route.trunks)
    trunks = settings.numbering.extension_trunks
    yield from known.missing("numbering.extension_trunks", "trunks", trunks)


def _check_inbound(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, route in enumerate(settings.inbound):
        key = f"inbound[{index}]"
        yield from known.missing(f"{key}.trunks", "trunks", route.trunks)
        if route.handler == "queue":
            yield from known.missing(f"{key}.queue", "queues", [route.queue])
        if route.fallback:
            by_name = {one.name: one for one in settings.inbound}
            fallback = by_name.get(route.fallback)
            if fallback is None:
                yield Fault(f"{key}.fallback", f"there is no [[inbound]] named {route.fallback!r}")
            elif fallback.handler == "client":
                yield Fault(f"{key}.fallback", f"{route.fallback!r} hands its calls to clients too")
        yield from known.missing(f"{key}.room", "rooms", [route.room])


def _check_rooms(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, room in enumerate(settings.rooms):
        yield from known.missing(f"rooms[{index}].music", "music", [room.stream])


def _check_rules(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, rule in enumerate(settings.rules):
        key = f"rules[{index}]"
        match, set_ = rule.match, rule.set
        yield from known.missing(f"{key}.set.trunk", "trunks", [set_.trunk])
        yield from known.missing(f"{key}.set.queue", "queues", [set_.queue])
        yield from known.missing(f"{key}.set.centre", "centres", [set_.centre])
        yield from known.missing(f"{key}.set.known_agent", "agents", [set_.known_agent])
        yield from known.missing(f"{key}.match.queue", "queues", match.queue or ())
        yield from known.missing(f"{key}.match.trunk", "trunks", match.trunk or ())
        if match.calendar is not None:
            yield from known.missing(f"{key}.match.calendar", "calendars", [match.calendar.name])
        for name, wanted in (("waiting", match.waiting), ("agents_free", match.agents_free)):
            if wanted is not None:
                yield from known.missing(f"{key}.match.{name}.queue", "queues", [wanted.queue])


def _check_webhooks(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, webhook in enumerate(settings.webhooks):
        yield from known.missing(f"webhooks[{index}].queues", "queues", webhook.queues)


def _check_alerts(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, alert in enumerate(settings.alerts):
        yield from known.missing(f"alerts[{index}].queue", "queues", [alert.queue])


def _check_languages(settings: AllSections) -> Iterator[Fault]:
    """A language that a queue or route names has its texts in the room that is heard."""
    rooms = {room.name: room for room in settings.rooms}
    asked = [
        (f"queues[{n}]", one.language, ("", one.name)) for n, one in enumerate(settings.queues)
    ]
    for number, route in enumerate(settings.inbound):
        asked.append((f"inbound[{number}]", route.language, (route.room, route.queue)))
    for key, language, names in asked:
        name = next((name for name in names if name in rooms), "default")
        room = rooms.get(name)
        if language and (room is None or not room.speaks(language)):
            reason = f"the room {name!r} has no texts in {language!r}: rooms.languages.{language}"
            yield Fault(f"{key}.language", reason)


def _check_agents(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, agent in enumerate(settings.agents):
        key = f"agents[{index}]"
        yield from known.missing(f"{key}.queue_priority", "queues", agent.queue_priority)
        yield from known.missing(f"{key}.queues", "queues", agent.queues)
        yield from known.missing(f"{key}.centre", "centres", [agent.centre])
        yield from known.missing(f"{key}.calendar", "calendars", [agent.calendar])
        yield from known.missing(f"{key}.fallback.queue", "queues", [agent.fallback.queue])
        yield from known.missing(f"{key}.fallback.agent", "agents", [agent.fallback.agent])
        names = {one.name for one in settings.agents}
        for name in names_of(agent)[1:]:
            if name in names:
                yield Fault(f"{key}.capacity", f"makes an agent {name}, and there is one already")


def _check_sites(settings: AllSections, known: Known) -> Iterator[Fault]:
    yield from names_of_sites(settings.sites, known)


def names_of_sites(sites: Sequence[Site], known: Known) -> Iterator[Fault]:
    """A fault for each queue, agent or script of a site that there is not."""
    for index, site in enumerate(sites):
        yield from known.missing(f"sites[{index}].queue", "queues", [site.queue])
        yield from known.missing(f"sites[{index}].agent", "agents", [site.agent])
        for key, name in site.scripts:
            yield from known.missing(f"sites[{index}].{key}", "scripts", [name])


def _check_queues(settings: AllSections, known: Known) -> Iterator[Fault]:
    for index, centre in enumerate(settings.centres):
        yield from known.missing(f"centres[{index}].calendar", "calendars", [centre.calendar])
    for index, queue in enumerate(settings.queues):
        key = f"queues[{index}]"
        yield from known.missing(f"{key}.agents", "agents", queue.agents)
        yield from known.missing(f"{key}.calendar", "calendars", [queue.calendar])
        for number, tier in enumerate(queue.tiers):
            at = f"{key}.tiers[{number}]"
            yield from known.missing(f"{at}.agents", "agents", tier.agents)
            yield from known.missing(f"{at}.queues", "queues", tier.queues)
            yield from known.missing(f"{at}.centres", "centres", tier.centres)
        for number, share in enumerate(queue.shares):
            at = f"{key}.shares[{number}]"
            yield from known.missing(f"{at}.centre", "centres", [share.centre])
            yield from known.missing(f"{at}.calendar", "calendars", [share.calendar])
        for number, vip in enumerate(queue.vip):
            yield from known.missing(f"{key}.vip[{number}].agents", "agents", vip.agents)
        for where, step in queue.overflows:
            at = f"{key}.{where}"
            yield from known.missing(f"{at}.queue", "queues", [step.queue])
            yield from known.missing(f"{at}.centre", "centres", [step.centre])
            if step.queue == queue.name:
                yield Fault(f"{at}.queue", "must be another queue")

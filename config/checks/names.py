"""Names that one section uses of another: each has to be there, and so have sound files."""

from collections.abc import Iterator

from ..agent_capacity import names_of
from ..all_sections import AllSections
from ..errors import Fault
from ..sounds import find_configured
from .known import Known


def check_routes(settings: AllSections, known: Known) -> Iterator[Fault]:
    """The trunks of routes and extensions."""
    for index, route in enumerate(settings.routes):
        yield from known.missing(f"routes[{index}].trunks", "trunks", route.trunks)
    trunks = settings.numbering.extension_trunks
    yield from known.missing("numbering.extension_trunks", "trunks", trunks)


def check_inbound(settings: AllSections, known: Known) -> Iterator[Fault]:
    """What inbound routes name."""
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


def check_rooms(settings: AllSections, known: Known) -> Iterator[Fault]:
    """The music of rooms."""
    for index, room in enumerate(settings.rooms):
        yield from known.missing(f"rooms[{index}].music", "music", [room.stream])


def check_rules(settings: AllSections, known: Known) -> Iterator[Fault]:
    """What rules match by name, and set."""
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


def check_webhooks(settings: AllSections, known: Known) -> Iterator[Fault]:
    """The queues of webhooks."""
    for index, webhook in enumerate(settings.webhooks):
        yield from known.missing(f"webhooks[{index}].queues", "queues", webhook.queues)


def check_alerts(settings: AllSections, known: Known) -> Iterator[Fault]:
    """The queues of alerts."""
    for index, alert in enumerate(settings.alerts):
        yield from known.missing(f"alerts[{index}].queue", "queues", [alert.queue])


def check_languages(settings: AllSections) -> Iterator[Fault]:
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


def check_agents(settings: AllSections, known: Known) -> Iterator[Fault]:
    """What agents name."""
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


def check_queues(settings: AllSections, known: Known) -> Iterator[Fault]:
    """What centres and queues name."""
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


def check_sounds(settings: AllSections) -> Iterator[Fault]:
    """Sound files are there, and nothing secret is among those that requests may play."""
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
    named += settings.detection.sounds()
    for index, stream in enumerate(settings.music):
        named += [(f"music[{index}].files[{nth}]", name) for nth, name in enumerate(stream.files)]
    for key, name in named:
        if find_configured(name, media.sounds) is None:
            yield Fault(key, f"{name}: there is no such file")

"""Where visitors of web pages may ask for calls: what protects those whom they do not know."""

from collections.abc import Iterator

from config.all_sections import AllSections
from config.checks.sites import has_plain_links
from config.policy import Limit

from .finding import Finding


def visitor_findings(settings: AllSections) -> Iterator[Finding]:
    """What a configuration lacks whose callbacks strangers ask for.

    It has sites, or a right of those that hand on what visitors ask for.
    """
    if settings.sites or any(right.role in ("request", "gateway") for right in settings.rights):
        yield from _unwanted_calls(settings)
    if has_plain_links(settings.web, settings.sites):
        yield Finding(
            "web.public_url", "warning",
            "Behind a proxy with TLS the links that visitors get say http: all the same.",
            'Name the address that they reach: web.public_url = "https://calls.shop.example".',
        )  # fmt: skip


def _unwanted_calls(settings: AllSections) -> Iterator[Finding]:
    asked = settings.do_not_call
    if not asked.key:
        yield Finding(
            "do_not_call.key", "warning",
            "Anybody may leave anybody's number on a page, and who is called has no key to end it.",
            'Set do_not_call.key = "*9", and say it in do_not_call.key_announcement.',
        )  # fmt: skip
    elif not asked.key_announcement:
        yield Finding(
            "do_not_call.key_announcement", "warning",
            f"Nobody who is called hears of the key {asked.key}, unless the agent says it.",
            'For example "If you did not ask for this call, press star nine."',
        )  # fmt: skip
    if settings.limits.site_number == settings.limits.number == Limit():
        yield Finding(
            "limits.site_number", "warning",
            "Strangers may have one number called again and again: no limit holds for a day.",
            "Set limits.site_number.per_day = 5.",
        )  # fmt: skip
    if "voip" not in settings.destinations.refuse_line_types:
        yield Finding(
            "destinations.refuse_line_types", "note",
            "Numbers of internet telephony are called, also those that are given out for a day.",
            'Add "voip" where your visitors have none: in France (09) homes have such numbers.',
        )  # fmt: skip

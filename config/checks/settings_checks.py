"""Every check across the sections of a configuration, in the order in which faults are told."""

from collections.abc import Iterator

from ..all_sections import AllSections
from ..errors import Fault
from .addresses import check_addresses, check_browsers, check_outside, check_tls
from .known import Known
from .names import (
    check_agents,
    check_alerts,
    check_inbound,
    check_languages,
    check_queues,
    check_rooms,
    check_routes,
    check_rules,
    check_sounds,
    check_webhooks,
)
from .scripts import script_faults
from .sites import check_names_of_sites, check_sites
from .skills import skill_faults
from .tokens import check_tokens
from .twice import check_accounts, check_entries, check_prefixes


def faults_of(settings: AllSections, known: Known | None = None) -> Iterator[Fault]:
    """Every fault between the sections of a configuration."""
    known = known or Known.of(settings)
    for check in (
        check_entries, check_sites, check_accounts, check_addresses, check_tls, check_sounds,
        check_tokens, skill_faults, check_prefixes, check_outside, check_languages, check_browsers,
    ):  # fmt: skip
        yield from check(settings)
    for check_names in (
        check_routes, check_inbound, check_rooms, check_rules, check_alerts, check_webhooks,
        check_agents, check_queues, check_names_of_sites, script_faults,
    ):  # fmt: skip
        yield from check_names(settings, known)

"""Checks of sites: the web gateway makes them too, which knows [web] and [[sites]] alone."""

from collections.abc import Iterator, Sequence

from ..all_sections import AllSections
from ..errors import Fault
from ..sites import Site, Web
from .known import Known
from .twice import twice


def sites_twice(sites: Sequence[Site]) -> Iterator[Fault]:
    """A fault for each site with the name or the key of one before it."""
    for key in ("name", "key"):
        yield from twice("sites", key, key, [getattr(site, key) for site in sites])


def sites_unheard(web: Web, sites: Sequence[Site]) -> Iterator[Fault]:
    """A fault for each site whose visitors could speak with nobody."""
    for index, site in enumerate(sites):
        if site.speak and not web.phone_server:
            yield Fault(f"sites[{index}].speak", "needs web.phone_server, to call")


def has_plain_links(web: Web, sites: Sequence[Site]) -> bool:
    """Whether visitors of https: pages would get links that say http:.

    Behind a proxy that does TLS the gateway does not see with which scheme it was asked.
    """
    is_secure = any(one.startswith("https:") for site in sites for one in site.origins)
    return is_secure and not web.public_url and not web.tls_cert


def names_of_sites(sites: Sequence[Site], known: Known) -> Iterator[Fault]:
    """A fault for each queue, agent or script of a site that there is not."""
    for index, site in enumerate(sites):
        yield from known.missing(f"sites[{index}].queue", "queues", [site.queue])
        yield from known.missing(f"sites[{index}].agent", "agents", [site.agent])
        for key, name in site.scripts:
            yield from known.missing(f"sites[{index}].{key}", "scripts", [name])


def check_sites(settings: AllSections) -> Iterator[Fault]:
    """Sites that stand twice, or whose visitors could speak with nobody."""
    yield from sites_twice(settings.sites)
    yield from sites_unheard(settings.web, settings.sites)


def check_names_of_sites(settings: AllSections, known: Known) -> Iterator[Fault]:
    """What sites name."""
    yield from names_of_sites(settings.sites, known)

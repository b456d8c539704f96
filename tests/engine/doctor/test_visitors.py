"""Sites whose visitors may leave anybody's number."""

from typing import Any

from pydantic import SecretStr

from config.policy import Destinations, DoNotCall, Limit, Limits
from config.queues import Queue
from config.rights import Right
from config.settings import Settings
from config.sites import Web
from engine.doctor.visitors import visitor_findings
from tests.support.sites import site

TOKEN = "a-token-of-sixteen-characters"
WITH_KEY = DoNotCall(key="*9", key_announcement="To have no more such calls, press star nine.")


def found(**sections: Any) -> list[tuple[str, str]]:
    given: dict[str, Any] = {"sites": [site()], "queues": [Queue(name="sales")]}
    settings = Settings(**given | sections)
    return [(one.about, one.level) for one in visitor_findings(settings)]


def test_who_is_called_for_a_site_should_be_told_of_a_key_that_ends_it() -> None:
    assert ("do_not_call.key", "warning") in found()
    untold = found(do_not_call=DoNotCall(key="*9"))
    assert ("do_not_call.key_announcement", "warning") in untold
    assert not [one for one in found(do_not_call=WITH_KEY) if one[0].startswith("do_not_call")]


def test_where_the_gateway_has_a_file_of_its_own_its_right_says_that_there_are_visitors() -> None:
    right = Right(name="web", role="gateway", token=SecretStr(TOKEN))
    assert ("do_not_call.key", "warning") in found(sites=[], rights=[right])
    assert found(sites=[]) == []


def test_links_for_https_pages_should_not_say_http() -> None:
    assert ("web.public_url", "warning") in found()
    plain = site(origins=["http://127.0.0.1:8000"])
    secure = Web(tls_cert="/etc/cert.pem", tls_key="/etc/key.pem")
    for sections in (
        {"sites": [plain]},
        {"web": secure},
        {"web": Web(public_url="https://a.example")},
    ):
        assert ("web.public_url", "warning") not in found(**sections)


def test_some_limit_should_hold_for_the_calls_of_a_day_to_one_number() -> None:
    none = Limits(site_number=Limit())
    assert ("limits.site_number", "warning") in found(limits=none)
    for limits in (Limits(), Limits(site_number=Limit(), number=Limit(per_day=9))):
        assert ("limits.site_number", "warning") not in found(limits=limits)


def test_that_disposable_numbers_are_called_is_noted() -> None:
    refused = Destinations(refuse_line_types=["premium_rate", "shared_cost", "voip"])
    about = "destinations.refuse_line_types"
    assert (about, "note") in found()
    assert (about, "note") not in found(destinations=refused)
    assert found(sites=[]) == []

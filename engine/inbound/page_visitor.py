"""The visitor of a web page who speaks from it, as a caller of the site's queue."""

from typing import Final

from config.inbound import Inbound as Route
from sip.transport.web_edge import browser_uri

from ..webrtc.page_tokens import PageCall
from .call_info import InboundCallInfo
from .caller.caller_id import MAX_CHARS, CallingParty

VISITOR: Final = "visitor"
"""What such a caller is called: they have no number."""
ROUTE: Final = "web-page"


def visitor_info(page: PageCall, call_id: str, default_whisper: str = "") -> InboundCallInfo:
    """What is known of a visitor's call: the site, its queue, and what the page has told."""
    return InboundCallInfo(
        call=call_id,
        route=Route(
            name=ROUTE,
            queue=page.queue,
            priority=page.priority,
            max_wait_s=page.max_wait_s,
            context={**page.context, "site": page.site},
        ),
        trunk="",
        party=CallingParty(VISITOR, browser_uri(VISITOR), name=page.name[:MAX_CHARS] or None),
        dialled=page.site,
        default_whisper=default_whisper,
    )

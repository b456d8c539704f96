"""The policy for sound of a trunk or an agent: the stricter one where a URI leads to several."""

from config.sections import Trunk
from engine.routing.media_policy import DEFAULT_MEDIA, MediaPolicy


def test_the_stricter_of_each_holds() -> None:
    trunks = [
        Trunk(name="one", uri="sip:a.example", srtp="offered"),
        Trunk(name="two", uri="sip:a.example", rtp="strict"),
    ]
    assert MediaPolicy.of(trunks[0]) == MediaPolicy("symmetric", "offered")
    assert MediaPolicy.strictest(trunks) == MediaPolicy("strict", "offered")
    assert MediaPolicy.strictest([]) == DEFAULT_MEDIA == MediaPolicy("symmetric", "off")

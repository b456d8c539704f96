"""What SIP learns about peers."""

from config.sections import Trunk
from engine.inbound.sip_policy import SipPolicy
from engine.routing.peers import Peers
from sip.hop import Hop
from sip.message.message import Request
from sip.message.uri import parse_uri
from sip.policy import Admission, PeerPolicy


def test_it_asks_who_knows() -> None:
    async def nowhere(_uri: str) -> tuple[Hop, ...]:
        return ()

    def admits(_invite: Request, _source: Hop, now: float) -> Admission:
        return "accept" if now > 5.0 else "ignore"

    trunks = [Trunk(name="pbx", uri="sip:192.0.2.1:5060", media=["203.0.113.0/24"])]
    policy: PeerPolicy = SipPolicy(
        Peers(trunks, [], nowhere), admits, lambda trunk: 600 if trunk == "pbx" else 1800
    )
    pbx, other = Hop("udp", "192.0.2.1", 5060), Hop("udp", "192.0.2.9", 5060)
    invite = Request("INVITE", parse_uri("sip:100@192.0.2.7"))
    assert policy.is_known(pbx.host) and not policy.is_known(other.host)
    assert (
        policy.admits(invite, pbx, 1.0) == "ignore" and policy.admits(invite, pbx, 9.0) == "accept"
    )
    assert policy.session_expires_s(other, "pbx") == 600
    assert (policy.session_expires_s(pbx), policy.session_expires_s(other)) == (600, 1800)
    assert policy.may_reach(pbx, other) and not policy.may_reach(other, pbx)
    assert policy.may_get_media("203.0.113.5", pbx.host)
    assert not policy.may_get_media("198.51.100.5", pbx.host)

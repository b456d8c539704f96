"""The addresses of an endpoint: shared ones, and those of single trunks."""

import asyncio
import socket

from sip.events import Answered, IncomingInvite
from sip.hop import Hop
from sip.transport.sockets import leave_from, parse_listen
from tests.support.sip.endpoint import ObservedEndpoint, answering, running


def test_connections_leave_from_the_address_of_their_family() -> None:
    listen = tuple(
        parse_listen(text, local)
        for text, local in (
            ("udp:127.0.0.1:5060", ""),
            ("tls:127.0.0.2:5061", ""),
            ("tcp:[::1]:5060", ""),
            ("udp:127.0.0.3:5060", "carrier"),
        )
    )
    assert leave_from(listen) == {
        ("", "ipv4"): "127.0.0.2",
        ("", "ipv6"): "::1",
        ("carrier", "ipv4"): "127.0.0.3",
    }
    assert leave_from((parse_listen("tcp:0.0.0.0:5060"),)) == {}


async def test_trunk_is_called_from_its_own_address_and_calls_come_to_it() -> None:
    ours = answering(ObservedEndpoint("udp:127.0.0.1:0"))
    peer = answering(ObservedEndpoint("udp:127.0.0.1:0"))
    async with running(ours, peer):
        ours.endpoint.listen_for("carrier", ["udp:127.0.0.2:0"])
        own = ours.endpoint.addresses[1]
        assert (own.host, own.local) == ("127.0.0.2", "carrier")
        uri = f"sip:bob@127.0.0.1:{peer.port}"
        (hop,) = await ours.endpoint.hops(uri, "carrier")
        assert hop == Hop("udp", "127.0.0.1", peer.port, local="carrier")
        assert await ours.endpoint.hops(uri, "another") == (hop._replace(local=""),)
        await ours.call(uri, trunk="carrier")
        await ours.until(Answered)
        invite = (await peer.until(IncomingInvite)).request  # type: ignore[union-attr]
        assert invite.via.host == "127.0.0.2"
        assert invite.contact is not None
        assert invite.contact.uri.encode() == f"sip:ringback@127.0.0.2:{own.port}"
        # And the other way: answered from the address that was called.
        await peer.call(f"sip:x@127.0.0.2:{own.port}")
        call = await ours.until(IncomingInvite)
        assert call.session.source.local == "carrier"  # type: ignore[union-attr]
        await peer.until(Answered)


async def test_trunk_is_told_another_host() -> None:
    ours, peer = (
        ObservedEndpoint("udp:127.0.0.1:0", advertise="sbc.example"),
        ObservedEndpoint("udp:127.0.0.1:0", "udp:[::1]:0"),
    )
    async with running(ours, peer):
        ours.endpoint.listen_for("pbx", ["udp:127.0.0.2:0"], "192.0.2.9")
        contact = ours.endpoint.ua.context.contact
        (hop,) = await ours.endpoint.hops("sip:127.0.0.1:9", "pbx")
        assert "@192.0.2.9:" in contact(hop)
        assert "@sbc.example:" in contact(hop._replace(local=""))
        # It has no address of the other family: that is not its own way.
        assert (await ours.endpoint.hops("sip:[::1]:9", "pbx"))[0].local == ""


async def test_address_that_was_asked_for_twice_is_bound_once() -> None:
    phone = ObservedEndpoint("udp:127.0.0.1:0")
    async with running(phone):
        for _ in range(2):
            phone.endpoint.listen_for("carrier", ["tcp:127.0.0.2:0"])
        assert len(phone.endpoint.addresses) == 2


async def test_what_is_sent_is_marked() -> None:
    phone = ObservedEndpoint("udp:127.0.0.1:0", "udp:[::1]:0", dscp=24)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        peer.setblocking(False)
        async with running(phone):
            await phone.call(f"sip:bob@127.0.0.1:{peer.getsockname()[1]}")
            readable = asyncio.Event()
            asyncio.get_running_loop().add_reader(peer.fileno(), readable.set)
            async with asyncio.timeout(40):
                await readable.wait()
            asyncio.get_running_loop().remove_reader(peer.fileno())
            _, ancillary, _, _ = peer.recvmsg(4096, 128)
        assert [data[0] for _, kind, data in ancillary if kind == socket.IP_TOS] == [24 << 2]

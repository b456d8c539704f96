"""Which NAPTR records count, and their order."""

from sip.transport.dns.records import Naptr, Record, Srv, services_of


def test_of_naptr_records_those_of_our_services_count() -> None:
    wanted = Naptr(50, 20, "s", "SIP+D2U", "_sip._udp.example")
    better = Naptr(50, 10, "S", "sip+d2t", "_sip._tcp.example")
    records: list[Record] = [
        wanted,
        Naptr(10, 10, "s", "SIPS+D2T", "_sips._tcp.example"),
        Naptr(10, 10, "u", "SIP+D2U", "not.by.srv.example"),
        Naptr(10, 10, "s", "SIP+D2U", ""),
        Srv(1, 1, 1, "something.else"),
        better,
    ]
    assert services_of(records, ("SIP+D2U", "SIP+D2T")) == [better, wanted]

"""An outsider asks for numbers that are not to be dialled, in every spelling they can think of.

Emergency numbers, premium numbers, fragments and blocked numbers, in eight countries, as a number
and as `sip:` URIs at the trunk and at another permitted host. The trunk records who it is asked to
call. What is forbidden is judged here by the digits alone, not by the engine's reading.
"""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from config.settings import load
from engine.daemon import Daemon
from ringback_client import Client, EngineError, RequestRejected
from tests.support.engines.in_process import running
from tests.support.phones.wire.recording_trunk import RecordingTrunk
from tests.support.ports import free_udp_range

TOML = """
[control]
socket = "{directory}/control.sock"
[store]
path = "{directory}/ringback.db"
[sip]
listen = ["udp:127.0.0.1:0"]
[media]
ports = [{first_port}, {last_port}]
recordings = "{directory}/recordings"
[whisper]
cache_dir = "{directory}/speech"
[dial]
default_region = "{region}"
allow_hosts = ["127.0.0.1"]
[[trunks]]
name = "pbx"
uri = "sip:127.0.0.1:{trunk}"
{routes}
[[routes]]
prefix = "+"
trunks = ["pbx"]
[[agents]]
name = "alice"
uri = "sip:alice@127.0.0.1:{trunk}"
"""

_LONGEST_SHORT = 6
WELL_KNOWN = ("112", "911", "999", "110", "119", "118")


@dataclass(frozen=True, slots=True)
class Country:
    """Numbers of a country: national, and what it puts before them at home and from abroad."""

    region: str
    code: str
    trunk_prefix: str
    international: str
    emergency: tuple[str, ...]
    premium: tuple[str, ...]  # as they are dialled at home
    fragments: tuple[str, ...]
    good: str  # as it is dialled at home
    blocked: str

    def in_full(self, number: str) -> str:
        """A national number with its country code."""
        return f"+{self.code}{number.removeprefix(self.trunk_prefix)}"


COUNTRIES = (
    Country("GB", "44", "0", "00", ("112", "999"), ("09061234567", "08711234567"),
            ("79460123",), "02079460123", "02079460999"),
    Country("US", "1", "", "011", ("911", "112"), ("9002345678",), ("5550199", "7365000"),
            "2127365000", "2127365001"),
    Country("DE", "49", "0", "00", ("112", "110"), ("09001234567", "01371234567"),
            ("2345678", "5555555"), "030123456", "030123457"),
    Country("AT", "43", "0", "00", ("112", "133", "122", "144"), ("0900123456", "0930123456"),
            ("8765432",), "01234567890", "01234567891"),
    Country("FR", "33", "0", "00", ("112", "15", "17", "18"), ("0899123456", "3201", "118218"),
            ("23456789", "1234567"), "0123456789", "0123456788"),
    Country("AU", "61", "0", "0011", ("000", "112", "106"), ("1900654321",), ("99990123",),
            "0299990123", "0299990124"),
    Country("BR", "55", "0", "00", ("190", "192", "193", "112"), ("0500123456",), ("999991234",),
            "01123456789", "01123456788"),
    Country("IN", "91", "0", "00", ("112", "100", "101", "102"), ("18601234567",), ("23456789",),
            "01123456789", "01123456788"),
)  # fmt: skip


def written(number: str, country: Country) -> Iterator[str]:
    """Ways to write a number so that it is no `sip:` URI."""
    national = number.removeprefix(country.trunk_prefix)
    yield from (number, f" {number} ", " ".join(number), "-".join(number), ".".join(number))
    yield from ("/".join(number), f"({number})", f"({number[0]}){number[1:]}", f"tel:{number}")
    yield from (f"TEL:{number}", f"tel:{number};phone-context=+{country.code}", f"{number};ext=5")
    for script in (0xFF10, 0x0660, 0x0966, 0x1D7CE):  # full-width, Arabic, Devanagari, mathematical
        yield "".join(chr(script + int(digit)) for digit in number)
    for between in ("\u200b", "\u202e", "\u00a0", "\u2011", "\u3000", "\u00ad", "\ufeff"):
        yield between.join(number)
    yield "".join(unicodedata.lookup(f"SUPERSCRIPT {name}") for name in _NAMES(number))
    for before in ("+", "0", "9", "00", "000", f"+{country.code}", f"+{country.code} (0)"):
        yield f"{before}{number}"
    for before in (f"+{country.code}", country.international + country.code, "00" + country.code):
        yield f"{before}{national}"
    for before in ("9" + country.international + country.code, "*", "*31#", "#", "w", "p", "x"):
        yield f"{before}{national}"
    for after in ("#", "*", ",", ",,5", "p5", "w1", "x", "&1", "!", " ext 5", "\r\n", "\x00", "/"):
        yield f"{number}{after}"


def _NAMES(number: str) -> Iterator[str]:
    names = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
    return (names[int(digit)] for digit in number)


def uris(number: str, country: Country, trunk: int, other: int) -> Iterator[str]:
    """Ways to write a number as the user of a `sip:` URI."""
    users = {quote(one, safe="+*#!&,/;=()'") for one in written(number, country)}
    users |= {"".join(f"%{ord(digit):02x}" for digit in number)}
    users |= {"".join(f"%25{ord(digit):02x}" for digit in number)}
    users |= {f"{number[0]}%00{number[1:]}", f"{number}%0d%0aX:%20y", f"{number[0]}:{number[1:]}"}
    users |= {f"{number};phone-context=+{country.code}", f"{number};npdi", f"{number};isub=1"}
    users |= {f"{number};rn={number}", f"{country.good};rn={number}", f"2001;ext={number}"}
    users |= {f"alice;phone-context={number}", f"{number}a", f"a{number}", f"ab{number}"}
    users |= {"'".join(number), "~".join(number), "$".join(number), f"{number}%20"}
    for user in sorted(users):
        for port in (trunk, other):
            yield f"sip:{user}@127.0.0.1:{port}"
    for end in (";user=phone", ";phone-context=+1", ";method=INVITE", ";maddr=127.0.0.1", ";x=y"):
        yield f"sip:{number}@127.0.0.1:{trunk}{end}"
    yield f"SIP:{number}@127.0.0.1:{trunk}"
    yield f"sip:{number}@127.000.000.001:{trunk}"
    yield f"sip:{number}@127.0.0.1.:{trunk}"
    yield f"sip:{number}@127.0.0.1:{trunk}?To=%3Csip:{number}@127.0.0.1%3E"
    yield f"sip:2001@127.0.0.1:{trunk};tgrp={number}"


def digits(uri: str) -> str:
    """The digits that a gateway may dial of a request URI."""
    user = re.split(r"[@;:]", uri.partition(":")[2])[0]
    for _ in range(3):
        user = unquote(user)
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", user))


def forbidden(uri: str, country: Country, *, is_trunk: bool = True) -> str | None:
    """What of a request URI must never be dialled; None where nothing is.

    What is a fragment at a trunk may be a person's name elsewhere.
    """
    dialled, user = digits(uri), unquote(uri.partition(":")[2].partition("@")[0])
    if sum(map(str.isalpha, user)) >= max(len(dialled), 2):
        return None  # a name
    services = {*country.emergency, *WELL_KNOWN}
    behind = (f"{line}{code}" for line in ("", "0", "9", "00") for code in ("", country.code))
    for before in behind:
        if dialled.removeprefix(before) in services and dialled.startswith(before):
            return "emergency"
    for number in (*country.premium, country.blocked):
        national = number.removeprefix(country.trunk_prefix)
        if user.startswith("+"):
            is_one = user.startswith(country.in_full(number))
        elif len(number) <= _LONGEST_SHORT:
            # Up to four digits are a person's name where there is no trunk.
            is_one = dialled.lstrip("09") == national and (is_trunk or len(number) > 4)
        else:
            is_one = national in dialled
        if is_one:
            return "blocked" if number == country.blocked else "premium"
    if is_trunk and dialled in country.fragments:
        return "fragment"
    return None


@asynccontextmanager
async def engine(
    directory: Path, country: Country, trunk: RecordingTrunk, *, digit_routes: bool
) -> AsyncIterator[tuple[Daemon, Client]]:
    """An engine that calls through `trunk`, with routes for digits without + where asked for."""
    prefixes = ("0", "1", "9") if digit_routes else ()
    routes = "".join(f'[[routes]]\nprefix = "{one}"\ntrunks = ["pbx"]\n' for one in prefixes)
    first_port, last_port = free_udp_range(100)
    file = directory / "ringback.toml"
    file.write_text(
        TOML.format(
            directory=directory, first_port=first_port, last_port=last_port,
            region=country.region, trunk=trunk.port, routes=routes,
        )
    )  # fmt: skip
    async with running(load(file, environ={})) as pair:
        yield pair


async def ask(client: Client, **params: Any) -> str | None:
    """Request a callback; its id, or None where it is refused."""
    given = {"agent": "alice", "order": "customer_first", "join": False, "ring_s": 2.0} | params
    try:
        job = await client.call("callback.request", **given)
    except (EngineError, RequestRejected):
        return None
    return str(job["id"])


async def ended(client: Client, jobs: list[str | None]) -> None:
    """Wait until every job that was accepted has ended."""
    async with asyncio.timeout(60):
        for job in jobs:
            while job is not None:
                if (await client.call("callback.get", id=job))["ended_at"] is not None:
                    break
                await asyncio.sleep(0.01)


def bad_numbers(country: Country) -> list[str]:
    """Every number of a country that is never dialled."""
    emergency = dict.fromkeys((*country.emergency, *WELL_KNOWN))
    return [*emergency, *country.premium, *country.fragments, country.blocked]


@pytest.mark.parametrize("digit_routes", [False, True], ids=["plus_routes", "digit_routes"])
@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.region)
async def test_whatever_the_spelling_none_of_these_is_dialled(
    tmp_path: Path, country: Country, digit_routes: bool
) -> None:
    trunk, other = await RecordingTrunk.open(), await RecordingTrunk.open()
    async with engine(tmp_path, country, trunk, digit_routes=digit_routes) as (_daemon, client):
        await client.call("number.block", number=country.in_full(country.blocked))
        jobs = []
        for number in bad_numbers(country):
            spellings = dict.fromkeys(written(number, country))
            spellings |= dict.fromkeys(uris(number, country, trunk.port, other.port))
            for text in spellings:
                jobs.append(await ask(client, to=text))
        await ended(client, jobs)
        dialled = [(uri, forbidden(uri, country)) for uri in trunk.asked]
        dialled += [(uri, forbidden(uri, country, is_trunk=False)) for uri in other.asked]
        assert [one for one in dialled if one[1] is not None] == []
        # The trunk does record: what may be called is called.
        await ended(client, [await ask(client, to=country.in_full(country.good))])
        assert trunk.asked[-1].startswith(f"sip:{country.in_full(country.good)}@")
    trunk.close()
    other.close()


@pytest.mark.parametrize("country", COUNTRIES[:4], ids=lambda country: country.region)
async def test_no_other_way_into_a_request_is_open(tmp_path: Path, country: Country) -> None:
    """As another number, as the agent, as an agent's address, in another region, in headers."""
    trunk = await RecordingTrunk.open()
    good = country.in_full(country.good)
    async with engine(tmp_path, country, trunk, digit_routes=True) as (_daemon, client):
        await client.call("number.block", number=country.in_full(country.blocked))
        jobs = []
        for index, number in enumerate(bad_numbers(country)):
            for text in (number, f"sip:{number}@127.0.0.1:{trunk.port}", f"tel:{number}"):
                jobs.append(await ask(client, to=good, numbers=[text], max_attempts=2))
                jobs.append(await ask(client, to=good, agent=text, order="agent_first"))
                jobs.append(await ask(client, to=text, to_kind="number", region="DE"))
                jobs.append(await ask(client, to=text, trunk="pbx"))
                jobs.append(await ask(client, to=good, caller_id=text, context={"who": text}))
                for address in ({"uri": text}, {"addresses": [{"uri": text}]}):
                    name = f"agent-{index}-{len(jobs)}"
                    try:
                        await client.call("agent.add", agent=name, **address)
                    except (EngineError, RequestRejected):
                        continue
                    jobs.append(await ask(client, to=good, agent=name, order="agent_first"))
        await ended(client, jobs)
        dialled = [(uri, forbidden(uri, country)) for uri in trunk.asked]
        assert [one for one in dialled if one[1] is not None] == []
    trunk.close()


async def test_a_number_that_is_blocked_later_is_no_longer_dialled_for_an_agent(
    tmp_path: Path,
) -> None:
    trunk = await RecordingTrunk.open()
    country = COUNTRIES[0]
    mobile = country.in_full(country.blocked)
    async with engine(tmp_path, country, trunk, digit_routes=False) as (_daemon, client):
        await client.call("agent.add", agent="bob", uri=mobile)
        await ended(client, [await ask(client, to=country.good, agent="bob", order="agent_first")])
        assert trunk.asked == [f"sip:{mobile}@127.0.0.1:{trunk.port}"]
        await client.call("number.block", number=mobile)
        await ended(client, [await ask(client, to=country.good, agent="bob", order="agent_first")])
        assert len(trunk.asked) == 1
    trunk.close()

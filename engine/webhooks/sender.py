"""One HTTP request to the receiver of a webhook, and what came of it."""

import asyncio
import ssl
from importlib.metadata import version
from typing import NamedTuple

import aiohttp

from .url_secrets import UrlSecrets

REASON_CHARACTERS = 200
# An answer that is longer is not read to its end: its connection is not used again.
ANSWER_BYTES = 64 * 1024
RESOLVED_FOR_S = 60


class Answer(NamedTuple):
    """What came of a request: `error` None, or why it is to be tried again.

    `status` is that of HTTP; None: there was no answer.
    """

    error: str | None
    after_s: float | None = None
    status: int | None = None


class Sender:
    """Sends to one receiver over connections that stay open. Certificates are verified.

    To be made and closed where the loop runs; the caller bounds how many at once. `tls` replaces
    the system's trust. `repeats_answers`: errors have the beginning of what the receiver said.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, repeats_answers: bool = True) -> None:
        self._repeats_answers = repeats_answers
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=RESOLVED_FOR_S, ssl=True if tls is None else tls
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "user-agent": f"Ringback/{version('ringback')}",
                "content-type": "application/json",
            },
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def post(
        self, url: str, headers: dict[str, str], body: bytes, timeout_s: float
    ) -> Answer:
        """Send `body`. Any 2xx means that it arrived; a redirect is not followed.

        The error of the answer has no secret of `url`, even where the receiver repeats it.
        """
        secrets = UrlSecrets(url)
        try:
            async with asyncio.timeout(timeout_s):
                async with self._session.post(
                    url, headers=headers, data=body, allow_redirects=False
                ) as response:
                    return await self._read(response, secrets)
        except TimeoutError:
            return Answer(f"no answer within {timeout_s:g} s")
        except aiohttp.ClientResponseError as error:  # as text it has the whole URL
            return Answer(_short(secrets.hide(error.message or type(error).__name__)))
        except aiohttp.InvalidURL:
            return Answer("the URL cannot be used")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(_short(secrets.hide(str(error) or type(error).__name__)))

    async def _read(self, response: aiohttp.ClientResponse, secrets: UrlSecrets) -> Answer:
        text = await response.content.read(ANSWER_BYTES)
        if not response.content.at_eof():
            response.close()
        if 200 <= response.status < 300:
            return Answer(None, status=response.status)
        words = secrets.hide(text.decode(errors="replace")).strip()[:REASON_CHARACTERS]
        said = secrets.hide(f"{response.status} {response.reason or ''}".strip())
        error = _short(f"{said}: {words}" if words and self._repeats_answers else said)
        return Answer(error, _retry_after_s(response), response.status)


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    """RFC 9110 section 10.2.3, in seconds; a date is not looked at."""
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _short(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable[:REASON_CHARACTERS]

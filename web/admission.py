"""Whether a request of a page is taken at all: origin, limits, proof of work, captcha.

What costs least is asked first. Whether a number may be called is the engine's own policy.
"""

import time
from collections.abc import Callable

import aiohttp

from config.sites import Captcha, Site
from config.trusted_proxies import Address

from .client_address import one_network, one_visitor
from .errors import Refusal
from .limits import HourlyLimits
from .numbers import one_number
from .proof_of_work import Challenge, ProofOfWork
from .visitor_request import CallbackForm, TalkForm

READS_AN_HOUR = 10
"""How often what is kept of one callback may be asked for, or erased: the engine reads all events
for it."""


class Admission:
    """Asks the rules of a site. `clock` is monotonic, `date` gives Unix seconds."""

    def __init__(
        self,
        proof: ProofOfWork,
        session: aiohttp.ClientSession,
        clock: Callable[[], float] = time.monotonic,
        date: Callable[[], float] = time.time,
    ) -> None:
        self._date = date
        self._proof = proof
        self._session = session
        self._clock = clock
        self._limits = HourlyLimits()

    def check_origin(self, site: Site, origin: str | None) -> None:
        """Whether the page may ask. Browsers always say where it is from. Raises Refusal."""
        if origin not in site.origins:
            raise Refusal(403, "origin")

    def challenge(self, site: Site) -> Challenge:
        """A new challenge for a page of the site."""
        return self._proof.challenge(site.key, self._date())

    async def admit(self, site: Site, form: CallbackForm, address: Address) -> bool:
        """Raise Refusal where the request is not taken; else it counts towards the limits.

        False: it is to be accepted like any other, and nobody called. Others have asked for its
        number too often, and who asks must not learn that they have.
        """
        await self._check_visitor(site, form, address)
        limits, key, now = site.limits, site.key, self._clock()
        number, visitor = one_number(form.number, form.region or site.region), one_visitor(address)
        wait_s = self._limits.admit(
            (
                (f"{key} address {visitor}", limits.per_address),
                (f"{key} network {one_network(address)}", limits.per_network),
                (f"{key} number {number} of {visitor}", limits.per_number),
                (f"{key} site", limits.per_site),
            ),
            now,
        )
        if wait_s is not None:
            raise Refusal(429, "too_many", retry_after_s=wait_s)
        return self._limits.admit([(f"{key} number {number}", limits.per_number)], now) is None

    async def admit_talk(self, site: Site, form: TalkForm, address: Address) -> None:
        """Raise Refusal where a visitor may not speak from the page; else it counts as a request
        does."""
        await self._check_visitor(site, form, address)
        limits, key = site.limits, site.key
        wait_s = self._limits.admit(
            (
                (f"{key} address {one_visitor(address)}", limits.per_address),
                (f"{key} network {one_network(address)}", limits.per_network),
                (f"{key} site", limits.per_site),
            ),
            self._clock(),
        )
        if wait_s is not None:
            raise Refusal(429, "too_many", retry_after_s=wait_s)

    async def _check_visitor(
        self, site: Site, form: CallbackForm | TalkForm, address: Address
    ) -> None:
        """Whether the visitor has agreed, and shown that they are one. Raises Refusal."""
        if site.consents and form.consent not in site.consents:
            raise Refusal(400, "consent", field="consent")
        if site.proof_of_work:
            if form.proof is None:
                raise Refusal(400, "proof", field="proof")
            answers = form.proof.answers
            self._proof.check(form.proof.challenge, answers, site.key, self._date())
        if site.captcha is not None:
            await self._check_captcha(site.captcha, form, address)

    def check_reads(self, callback_id: str) -> None:
        """Raise Refusal where what is kept of a callback was asked for too often."""
        wait_s = self._limits.admit([(f"read {callback_id}", READS_AN_HOUR)], self._clock())
        if wait_s is not None:
            raise Refusal(429, "too_many", retry_after_s=wait_s)

    async def _check_captcha(
        self, captcha: Captcha, form: CallbackForm | TalkForm, address: Address
    ) -> None:
        """Ask the captcha's service, in the form that most of them have in common."""
        if not form.captcha:
            raise Refusal(400, "captcha", field="captcha")
        data = {
            "secret": captcha.secret.get_secret_value(),
            "response": form.captcha,
            "remoteip": str(address),
        }
        timeout = aiohttp.ClientTimeout(total=captcha.timeout_s)
        try:
            async with self._session.post(
                captcha.verify_url, data=data, timeout=timeout, allow_redirects=False
            ) as reply:
                answer = await reply.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise Refusal(503, "captcha_down", field="captcha") from None
        if not (isinstance(answer, dict) and answer.get("success") is True):
            raise Refusal(400, "captcha", field="captcha")

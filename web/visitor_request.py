"""What a page sends: a request for a callback, and a rating."""

import datetime
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, structs

from config.sites import Site

from .errors import Refusal

BODY_BYTES = 16 << 10
CONTEXT_BYTES = 8 << 10
"""Of what a page tells. With the consent (6 KiB at most) and the name it is less than the engine's
bound of 16 KiB."""
_TEXT_LENGTH = 500
_MOST_PAGES = 20
NOW = "now"

Consent = bool | Annotated[str, Meta(max_length=2000)]
Body = TypeVar("Body", bound=msgspec.Struct)


class Proof(msgspec.Struct, forbid_unknown_fields=True):
    """The answers to a challenge: see proof_of_work.py."""

    challenge: Annotated[str, Meta(max_length=200)]
    answers: Annotated[list[int], Meta(max_length=64)]


class CallbackForm(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/sites/KEY/callbacks."""

    number: Annotated[str, Meta(min_length=1, max_length=64)]
    """As the visitor typed it."""
    key: Annotated[str, Meta(min_length=8, max_length=128)]
    """Made up by the page for this request: the same again is the same callback."""
    name: Annotated[str, Meta(max_length=128)] | None = None
    when: str | float = NOW
    """`now`, or the beginning of a slot: Unix seconds, or as ISO 8601 with a time zone."""
    region: Annotated[str, Meta(pattern="^[A-Z]{2}$")] | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    """What the page knows of the visit. The site says what of it is kept."""
    consent: Consent = False
    """The text that the visitor has agreed to; true: that of the site in their language."""
    proof: Proof | None = None
    captcha: Annotated[str, Meta(max_length=4096)] | None = None
    website: Annotated[str, Meta(max_length=1000)] = ""
    """A field that no person sees. What fills it in is no person."""


class TalkForm(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/sites/KEY/talks: the visitor would like to speak from the page."""

    name: Annotated[str, Meta(max_length=128)] | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    context: dict[str, Any] = msgspec.field(default_factory=dict)
    consent: Consent = False
    proof: Proof | None = None
    captcha: Annotated[str, Meta(max_length=4096)] | None = None
    website: Annotated[str, Meta(max_length=1000)] = ""


Form = TypeVar("Form", CallbackForm, TalkForm)


class RatingForm(msgspec.Struct, forbid_unknown_fields=True):
    """POST /v1/callbacks/ID/rating."""

    rating: Annotated[int, Meta(ge=0, le=10)]


def read_form(kind: type[Body], body: bytes) -> Body:
    """What a page has sent. Raises Refusal `bad_request`, `invalid_number`, with the field that is
    wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        # "Expected `str` - at `$.number`": the path alone is told.
        said = str(error)
        field = said.rpartition("`$.")[2].rstrip("`") if "`$." in said else ""
        if field == "number" and "of length" in said:  # nothing, or what is pasted by mistake
            raise Refusal(422, "invalid_number", field=field) from None
        raise Refusal(400, "bad_request", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "bad_request") from None


def with_consent(form: Form, site: Site, language: str) -> Form:
    """The form with the text that its visitor has read, where it says that they agree to it."""
    if form.consent is True:
        return structs.replace(form, consent=site.consent_in(language))
    return form


def slot_time(when: str | float, latest: float) -> float | None:
    """When the visitor would like to be called; None: now.

    Raises Refusal `bad_request` for what is no time, is past, or is after `latest` (Unix seconds).
    """
    if when == NOW:
        return None
    try:
        at = when if isinstance(when, float) else _moment(str(when))
    except ValueError:
        raise Refusal(400, "bad_request", field="when") from None
    now = time.time()
    if not now - 60 <= at <= latest:
        raise Refusal(400, "bad_request", field="when")
    return max(at, now)


def _moment(text: str) -> float:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.timestamp()


def kept_context(
    site: Site, form: CallbackForm | TalkForm, address: str, now: float
) -> dict[str, Any]:
    """The context of the job or call: what the site lists and nothing else, and the consent.

    Of more than CONTEXT_BYTES the longest are left out: the engine would refuse the request.
    """
    kept = {name: _bounded(form.context[name]) for name in site.context if name in form.context}
    sizes = {name: len(msgspec.json.encode(value)) for name, value in kept.items()}
    while sum(sizes.values()) > CONTEXT_BYTES:
        longest = max(sizes, key=lambda name: sizes[name])
        del kept[longest], sizes[longest]
    kept["site"] = site.name
    if form.name:
        kept["name"] = printable(form.name)
    if site.consents:
        kept["consent"] = {"text": form.consent, "at": round(now, 3), "address": address}
    return kept


def _bounded(value: Any, depth: int = 2) -> Any:
    """The value as plain data of a bounded size; what is more than that is left out."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        some = list(value.items())[:_MOST_PAGES]
        return {printable(str(name))[:64]: _bounded(one, depth - 1) for name, one in some}
    if isinstance(value, Sequence):
        return [_bounded(one, depth - 1) for one in value[-_MOST_PAGES:]]
    return None


def printable(text: str) -> str:
    """The text on one line, without what steers a terminal or the direction of writing."""
    return "".join(one if one.isprintable() else " " for one in text[:_TEXT_LENGTH]).strip()

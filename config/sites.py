"""[web] and [[sites]]: the gateway between web pages and the engine, and the pages it serves."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .errors import wrong
from .reporting import TimeZone, Url
from .section import Section, no_duplicate
from .urls import Origin, check_url
from .values import HostPort, Name, Network, OptionalPath, Printable, Region, Seconds, Secret

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_KEY = re.compile(r"[A-Za-z0-9_-]{4,64}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,31}")

Language = Literal["en", "de", "fr", "es", "it", "pt", "pl", "uk", "lt", "tr", "ar", "ja"]
LANGUAGES: tuple[str, ...] = get_args(Language)
_CONSENT_LENGTH, _TEXT_LENGTH = 2000, 500
PAGE_FIELDS = ("page", "title", "referrer", "campaign", "pages", "dismissed", "basket")


def _check_colour(text: str) -> str:
    if text and not _COLOUR.fullmatch(text):
        raise wrong("", f"{text!r} is not a colour such as #1060c0")
    return text


def _check_key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise wrong("", f"{text!r}: a key has 4 to 64 letters, digits, - and _")
    return text


def _check_field(text: str) -> str:
    if not _FIELD.fullmatch(text):
        raise wrong("", f"{text!r} is not the name of a field, such as order_number")
    return text


def _check_optional_url(text: str) -> str:
    return check_url(text) if text else ""


def _check_text_or_table(given: Any) -> Any:
    """A union would say what is wrong once for each of its parts."""
    for key, text in given.items() if isinstance(given, dict) else [("", given)]:
        if not isinstance(text, str):
            raise wrong(key, "must be a text" if key else "must be a text, or one a language")
    return given


def _check_consent(given: str | dict[str, str]) -> str | dict[str, str]:
    if isinstance(given, str):
        _check_length(given, "", _CONSENT_LENGTH)
        return given
    _check_languages(given)
    for language, text in given.items():
        if not text.strip():
            raise wrong(language, "there is no text")
        _check_length(text, language, _CONSENT_LENGTH)
    if not given:
        raise wrong("", "there is no text in any language")
    return given


def _check_texts(given: "Texts") -> "Texts":
    _check_languages(own for own, texts in given.items() if isinstance(texts, dict))
    for name, text in given.items():
        if isinstance(text, str):
            _check_length(text, name, _TEXT_LENGTH)
        else:
            for own, words in text.items():
                _check_length(words, f"{name}.{own}", _TEXT_LENGTH)
    return given


def _check_languages(given: Iterable[str]) -> None:
    for language in given:
        if language not in LANGUAGES:
            there_are = ", ".join(LANGUAGES)
            raise wrong(language, f"no such language; there are {there_are}")


def _check_length(text: str, key: str, most: int) -> None:
    if len(text) > most:
        raise wrong(key, f"must have at most {most} characters")


OptionalUrl = Annotated[str, AfterValidator(_check_optional_url)]
Colour = Annotated[str, AfterValidator(_check_colour)]
SiteKey = Annotated[str, AfterValidator(_check_key)]
FieldName = Annotated[str, AfterValidator(_check_field)]
Consent = Annotated[
    str | dict[str, str], BeforeValidator(_check_text_or_table), AfterValidator(_check_consent)
]
Texts = dict[FieldName, Annotated[str | dict[str, str], BeforeValidator(_check_text_or_table)]]
PerHour = Annotated[int, Field(ge=0, le=1_000_000)]


class Web(Section):
    """[web]: the gateway, which is a process of its own (`ringback web`)."""

    listen: HostPort = "127.0.0.1:8080"
    public_url: OptionalUrl = ""
    tls_cert: OptionalPath = ""
    tls_key: OptionalPath = ""
    control: Printable = ""
    control_ca: OptionalPath = ""
    token_file: OptionalPath = ""
    secret_file: OptionalPath = "run/web.secret"
    trusted_proxies: list[Network] = Field(default=[])
    phone_server: Printable = Field(
        default="", pattern=r"^(wss?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._/-]*)?)?$"
    )
    max_followers: int = Field(default=10_000, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _check_tls(self) -> "Web":
        for key, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
            if getattr(self, key) and not getattr(self, other):
                raise wrong(other, f"needed with {key}")
        return self


class SiteLimits(Section):
    """[sites.limits]: how many callbacks may be requested in an hour; 0: no limit."""

    per_address: PerHour = 5
    per_network: PerHour = 20
    per_number: PerHour = 3
    per_site: PerHour = 1000


class Captcha(Section):
    """[sites.captcha]: a service that says whether an answer to its captcha is right."""

    verify_url: Url
    secret: Secret
    timeout_s: Annotated[float, Field(gt=0, le=10)] = 3.0


class Look(Section):
    """[sites.look]: how the button looks, and where it is."""

    colour: Colour = "#1060c0"
    position: Literal["right", "left"] = "right"
    unreachable: Literal["tell", "hide"] = "tell"
    """What is there while nobody can be reached: words that say so, or nothing."""


class Triggers(Section):
    """[sites.triggers]: when the form opens by itself; 0 or false: never."""

    after_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    scrolled_percent: int = Field(default=0, ge=0, le=100)
    on_leaving: bool = False
    once: Literal["visit", "page"] = "visit"
    """"visit": the tab keeps that it has opened; "page": nothing is kept."""


class Site(Section):
    """[[sites]]: a web site whose visitors may ask to be called."""

    key: SiteKey
    name: Name
    origins: list[Origin] = Field(min_length=1, max_length=100)
    queue: Printable = ""
    agent: Printable = ""
    region: Region = "GB"
    language: Language = "en"
    time_zone: TimeZone = ""
    texts: Annotated[Texts, AfterValidator(_check_texts)] = Field(default={})
    """By their names: in every language, or in that of a table."""
    script: Printable = Field(default="", max_length=1024)
    """The text on the agent's screen."""
    customer_script: Name | Literal[""] = ""
    """The menu of [[scripts]] that the customer goes through before they are connected."""
    agent_script: Name | Literal[""] = ""
    """The one that the agent goes through before the whisper."""
    after_script: Name | Literal[""] = ""
    """The one that the customer goes through after the talk. "": that of the queue."""
    consent: Consent = ""
    """One text for all visitors, or one for each language in which there is the form then."""
    context: list[FieldName] = Field(default=list(PAGE_FIELDS), max_length=32)
    visit: Literal["used", "tab"] = "used"
    """When the tab begins to keep the pages of the visit: with a request; "tab": with the first
    page, and the first referrer and campaign too."""
    show_hours: bool = True
    slot_min: int = Field(default=30, ge=5, le=480)
    slot_callbacks: int = Field(default=0, ge=0, le=10_000)
    slot_days: int = Field(default=7, ge=1, le=31)
    priority: int = Field(default=0, ge=-1000, le=1000)
    max_wait_s: Seconds = 3600.0
    proof_of_work: bool = True
    speak: bool = False
    look: Look = Look()
    triggers: Triggers = Triggers()
    limits: SiteLimits = SiteLimits()
    captcha: Captcha | None = None

    @model_validator(mode="after")
    def _check_whole(self) -> "Site":
        if bool(self.queue) == bool(self.agent):
            raise wrong("queue", "give one of queue and agent")
        if self.speak and not self.queue:
            raise wrong("speak", "needs a queue")
        no_duplicate(self.origins)
        if self.language not in self.languages:
            raise wrong("consent", f"there is none in {self.language}, the language of the site")
        own = (name for name, texts in self.texts.items() if isinstance(texts, dict))
        if missing := [language for language in own if language not in self.languages]:
            raise wrong("consent", f"there is none in {', '.join(missing)}, and there are texts")
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """Those in which visitors may have the form."""
        return LANGUAGES if isinstance(self.consent, str) else tuple(self.consent)

    @property
    def consents(self) -> tuple[str, ...]:
        """The texts to one of which a visitor has to agree; none where they need not."""
        texts = (self.consent,) if isinstance(self.consent, str) else self.consent.values()
        return tuple(text for text in texts if text)

    def consent_in(self, language: str) -> str:
        """What a visitor who reads this language has to agree to; "" is nothing."""
        if isinstance(self.consent, str):
            return self.consent
        return self.consent.get(language, self.consent[self.language])

    def texts_in(self, language: str) -> dict[str, str]:
        """What is said in this language in place of what there is, by name."""
        common = {name: text for name, text in self.texts.items() if isinstance(text, str)}
        own = self.texts.get(language)
        return common | (own if isinstance(own, dict) else {})

    @property
    def scripts(self) -> tuple[tuple[str, str], ...]:
        """The key and name of each of [[scripts]] that its callbacks go through; "" is none."""
        keys = ("customer_script", "agent_script", "after_script")
        return tuple((key, getattr(self, key)) for key in keys)

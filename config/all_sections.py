"""Every section of the configuration, each right by itself."""

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .agents import Agent, AgentDefaults
from .alerts import Alert
from .calendars import Calendar
from .detection import Detection
from .inbound import Inbound, Room
from .music import MusicStream
from .numbering import Numbering
from .policy import Costs, Destinations, DoNotCall, Hours, Limits, Rate
from .queues import Centre, Queue
from .recognition import Recognition
from .recording import Recording
from .reporting import Metrics, Notify, Reports, Webhook
from .retry import RetryRule
from .rights import Right
from .rules import Rule
from .scripts import Script
from .sections import Control, Dial, Log, Media, Route, Store, Trunk, Whisper
from .sip import Sip
from .sites import Site, Web
from .speech import Speech
from .stir import Stir
from .streams import Streams
from .tracing import Trace
from .webrtc import WebRtc


class AllSections(BaseSettings):
    """Everything that may be set. Whether the sections fit together is open: see Settings."""

    model_config = SettingsConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, hide_input_in_errors=True
    )

    control: Control = Control()
    rights: list[Right] = []
    store: Store = Store()
    sip: Sip = Sip()
    stir: Stir = Stir()
    media: Media = Media()
    recording: Recording = Recording()
    recognition: Recognition = Recognition()
    dial: Dial = Dial()
    retry: list[RetryRule] = []
    detection: Detection = Detection()
    hours: Hours = Hours()
    limits: Limits = Limits()
    destinations: Destinations = Destinations()
    do_not_call: DoNotCall = DoNotCall()
    numbering: Numbering = Numbering()
    costs: Costs = Costs()
    whisper: Whisper = Whisper()
    speech: Speech = Speech()
    streams: Streams = Streams()
    log: Log = Log()
    reports: Reports = Reports()
    metrics: Metrics = Metrics()
    trace: Trace = Trace()
    web: Web = Web()
    sites: list[Site] = []
    webrtc: WebRtc = WebRtc()
    webhooks: list[Webhook] = []
    notify: Notify = Notify()
    alerts: list[Alert] = []
    trunks: list[Trunk] = []
    routes: list[Route] = []
    rates: list[Rate] = []
    inbound: list[Inbound] = []
    rooms: list[Room] = []
    music: list[MusicStream] = []
    scripts: list[Script] = []
    rules: list[Rule] = []
    agent_defaults: AgentDefaults = AgentDefaults()
    agents: list[Agent] = []
    calendars: list[Calendar] = []
    centres: list[Centre] = []
    queues: list[Queue] = []

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: it lays the environment over the file itself, because
        entries of lists of tables can be overridden too."""
        return (init_settings,)

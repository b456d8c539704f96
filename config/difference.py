"""The difference between two configurations, in words and as data. Secrets are never shown."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypedDict

import msgspec
from pydantic import BaseModel, SecretStr

from .settings import Settings
from .urls import without_secrets

# What the engine takes from the configuration only when it starts: sections, and single keys.
NEEDS_RESTART = frozenset(
    {
        "control.socket", "control.tcp", "control.tls_cert", "control.tls_key",
        "control.replay_events", "control.replay_bytes",
        "log.format", "media", "metrics", "store.path",
        "sip.listen", "sip.advertise", "sip.user_agent", "sip.max_messages_per_s",
        "sip.max_messages_burst", "sip.max_unknown_per_s", "sip.max_unknown_together_per_s",
        "sip.session_expires_s", "sip.dns", "sip.dscp", "sip.keepalive_s", "sip.pong_s",
        "sip.websocket",
        "webrtc.stun", "webrtc.turn", "webrtc.turn_username", "webrtc.turn_password",
        "webrtc.turn_password_file", "webrtc.turn_secret", "webrtc.turn_secret_file",
        "webrtc.turn_ttl_s", "webrtc.relay_only", "webrtc.advertise", "webrtc.sleep_s",
        "whisper.voice", "whisper.cache_dir",
        "trace.hep", "trace.hep_id", "trace.hep_password", "trace.hep_password_file",
    }
)  # fmt: skip
# What names an entry of a list of tables; those without a name are matched by their place.
_NAMED_BY = ("name", "prefix", "cause")
_WORDS_LENGTH = 120
_HIDDEN = "***"


class Change(msgspec.Struct, kw_only=True):
    """One key that differs. `live` is False where only a restart makes it hold."""

    key: str
    """Its name, dotted."""
    what: Literal["added", "removed", "changed", "reordered"]
    """What happened to it."""
    old: Any = None
    """What holds now; secrets are not shown."""
    new: Any = None
    """What the file says."""
    live: bool = True
    """Whether a reload makes it hold."""

    @property
    def words(self) -> str:
        """The change for a person, on one line."""
        if self.what == "changed":
            words = f"{self.key}: {_short(self.old)} → {_short(self.new)}"
        else:
            words = f"{self.key}: {self.what}"
        return words if self.live else f"{words} (needs a restart)"


class ConfigurationChanges(TypedDict):
    """engine.reload: what is different in the file."""

    file: str
    """The file that was read."""
    checked_only: bool
    """Whether nothing was changed."""
    changes: list[Change]
    """Every key that differs."""
    words: list[str]
    """The same for a person, one line each."""
    restart: list[str]
    """The keys that hold only after a restart."""


def compare(old: Settings, new: Settings) -> list[Change]:
    """Every key that differs, in the order of the sections."""
    found: list[Change] = []
    for name in Settings.model_fields:
        found += _differing(name, getattr(old, name), getattr(new, name))
    for change in found:
        change.live = not needs_restart(change.key)
    return found


def needs_restart(key: str) -> bool:
    """Whether a key holds only after a restart."""
    return key in NEEDS_RESTART or key.partition(".")[0] in NEEDS_RESTART


def effective(running: Settings, wanted: Settings) -> Settings:
    """`wanted`, but what needs a restart as it is `running`.

    Raises ValidationError where the two together make no sense.
    """
    sections: dict[str, Any] = {}
    for name in Settings.model_fields:
        section = getattr(wanted, name)
        if name in NEEDS_RESTART:
            section = getattr(running, name)
        elif isinstance(section, BaseModel):
            own = getattr(running, name)
            kept = {
                key: getattr(own, key)
                for key in type(section).model_fields
                if f"{name}.{key}" in NEEDS_RESTART
            }
            section = section.model_copy(update=kept)
        sections[name] = section
    made = Settings(**sections)
    made._file = wanted.file
    return made


def _differing(key: str, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, BaseModel) and isinstance(new, BaseModel):
        for name, field in type(old).model_fields.items():
            yield from _differing(
                f"{key}.{field.alias or name}", getattr(old, name), getattr(new, name)
            )
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _differing_entries(key, old, new)
    elif (names := _names(old)) is not None and (others := _names(new)) is not None:
        before = dict(zip(names, old, strict=True))
        after = dict(zip(others, new, strict=True))
        yield from _differing_entries(key, before, after)
        if [name for name in names if name in after] != [name for name in others if name in before]:
            yield Change(key=key, what="reordered", old=names, new=others)
    else:
        name = key.rpartition(".")[2]
        yield Change(key=key, what="changed", old=_shown(old, name), new=_shown(new, name))


def _differing_entries(key: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for name, entry in old.items():
        if name not in new:
            yield Change(key=f"{key}.{name}", what="removed", old=_shown(entry))
        else:
            yield from _differing(f"{key}.{name}", entry, new[name])
    for name, entry in new.items():
        if name not in old:
            yield Change(key=f"{key}.{name}", what="added", new=_shown(entry))


def _names(entries: Any) -> list[str] | None:
    """What the entries of a list of tables are called; None for any other list."""
    if not isinstance(entries, list) or not all(isinstance(one, BaseModel) for one in entries):
        return None
    for key in _NAMED_BY:
        if all(key in type(one).model_fields for one in entries):
            names = [str(getattr(one, key)) or '""' for one in entries]
            return names if len(set(names)) == len(names) else None
    return None


def _shown(value: Any, name: str = "") -> Any:
    """A value as JSON may hold it, without secrets, and of a table only what was written.

    `name` is that of its key.
    """
    if isinstance(value, SecretStr):
        return _HIDDEN if value.get_secret_value() else ""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            fields[name].alias or name: _shown(getattr(value, name), name)
            for name in fields
            if name in value.model_fields_set
        }
    if name == "url" and isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, dict):
        return {str(name): _shown(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_shown(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _WORDS_LENGTH else text[: _WORDS_LENGTH - 1] + "…"

"""The one error of this room."""


class ConfigError(Exception):
    """A configuration that cannot be used. Its text is one line: `FILE: key: reason`."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        self.file = file
        self.key = key
        self.reason = " ".join(reason.split())
        super().__init__(": ".join(part for part in (file, key, self.reason) if part))

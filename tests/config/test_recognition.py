"""[recognition]: which engine, and what it needs."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.recognition import Recognition


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"engine": "command"}, 'needed where engine = "command"'),
        ({"engine": "websocket"}, 'needed where engine = "websocket"'),
        ({"engine": "magic"}, "pocketsphinx"),
        ({"command": ["hear"]}, "not the full path"),
        ({"command": ["/bin/hear", "{word}"]}, "{word} is not known"),
        ({"command": ["/bin/hear", "{language"]}, "brace without its partner"),
        ({"url": "https://speech.example/"}, "not a ws: or wss: URL"),
        ({"token": "a", "token_file": "/b"}, "give one"),
        ({"token": "a b"}, "printable ASCII"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Recognition(**given)


def test_a_token_may_be_in_a_file(tmp_path: Any) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret\n")
    settings = Recognition(engine="websocket", url="wss://s.example/", token_file=str(file))
    assert settings.token.get_secret_value() == "s3cret"

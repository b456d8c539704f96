"""What words say of who answers."""

import pytest

from media.detection.words import label_of


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Please leave a message after the tone", "voicemail"),
        ("Sie haben die MAILBOX erreicht", "voicemail"),
        ("For sales press one, for support press two", "ivr"),
        ("can I ask who is calling? say your name", "screening"),
        ("hello", None),
        ("", None),
        ("say your name and leave a message after the beep", "voicemail"),
    ],
)
def test_signs_of_machines(text: str, label: str | None) -> None:
    assert label_of(text) == label

"""[speech]: the program that speaks."""

import pytest
from pydantic import ValidationError

from config.speech import Speech


def test_a_program_has_a_full_path_and_known_fields() -> None:
    command = ["/bin/speak", "{language}", "{speed}", "{words_per_min}", "--to={output}"]
    assert Speech(command=command).command == command
    with pytest.raises(ValidationError, match="not the full path"):
        Speech(command=["speak"])
    with pytest.raises(ValidationError, match=r"\{text\} is not known"):
        Speech(command=["/bin/speak", "{text}"])

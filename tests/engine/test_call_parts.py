"""What the parts of calls are made of, as the configuration says."""

from config.speech import Speech
from engine.call_parts import _speech_command


def test_a_command_speaks_within_the_limits_of_the_configuration() -> None:
    speech = Speech(command=["/opt/speak", "{language}"], limit_s=7.0, max_mib=3, falls_back=False)
    command = _speech_command(speech)
    assert command is not None and command.template == ("/opt/speak", "{language}")
    assert (command.limit_s, command.max_bytes, command.falls_back) == (7.0, 3 << 20, False)


def test_without_a_command_espeak_ng_speaks() -> None:
    assert _speech_command(Speech()) is None

"""Commands of the administrator, and other templates with fields in braces."""

import pytest

from config.value_checks.commands import check_command, check_fields

FIELDS = ("text", "output")


def test_fields_that_are_known_may_stand_anywhere_in_arguments() -> None:
    check_command(["/bin/say", "--to={output}", "{text}{text}"], FIELDS, "command")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["say"], "'say' is not the full path of a program"),
        (["/bin/say", "{voice}"], r"\{voice\} is not known; there are \{text\}, \{output\}$"),
        (["/bin/say", "{text"], "a brace without its partner"),
        (["/bin/say", "{context.name}"], r"\{context.name\} is not known"),
    ],
)
def test_other_commands_are_refused(command: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_command(command, FIELDS, "command")


def test_a_template_may_have_keys_of_the_context_where_there_is_one() -> None:
    check_fields("{text}/{context.case_id}", FIELDS, with_context=True)
    with pytest.raises(ValueError, match=r"and \{context.KEY\}"):
        check_fields("{context.}", FIELDS, with_context=True)

"""Commands with fields in braces. What is refused is in the tests of the sections that have one."""

from config.value_checks.commands import fill_command


def test_arguments_are_filled_each_by_itself() -> None:
    facts = {"language": "en; rm", "rate_hz": "8000"}
    assert fill_command(["/bin/hear", "{language}{rate_hz}"], facts) == ("/bin/hear", "en; rm8000")


def test_a_fact_that_there_is_not_is_written_as_nothing() -> None:
    assert fill_command(["/bin/move", "{job}-{name}"], {"job": None, "name": "a"}) == (
        "/bin/move",
        "-a",
    )

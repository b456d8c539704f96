"""On which line each key of a TOML file stands."""

from config.toml_lines import line_at, lines_of

TEXT = '''\
a.b = 1
[x."y z"]
[[q]]
name = """
1"""
addresses = [ # first
  { uri = "a" },
  # second
  { uri = "b", more = { deep = 1 } },
]
[[q.tiers]]
[[q]]
[[q.tiers]]
[[q.tiers]]
"k\\"" = 2
[q.inner]
u = 1
'''


def test_every_key_and_entry_has_its_line() -> None:
    lines = lines_of(TEXT)
    assert lines["a", "b"] == 1
    assert lines["x", "y z"] == 2
    assert lines["q", 0] == 3 and lines["q", 0, "addresses", 0, "uri"] == 7
    assert lines["q", 0, "addresses", 1, "more", "deep"] == 9
    assert (lines["q", 0, "tiers", 0], lines["q", 1, "tiers", 1]) == (11, 14)
    assert lines["q", 1, "tiers", 1, 'k"'] == 15
    assert lines["q", 1, "inner", "u"] == 17


def test_what_is_not_written_has_the_line_of_the_table_around_it() -> None:
    lines = lines_of(TEXT)
    assert line_at(lines, ("q", 1, "tiers", 0, "after_s")) == 13
    assert line_at(lines, ("zzz",)) is None


def test_a_file_that_is_no_toml_is_read_as_far_as_it_goes() -> None:
    assert lines_of("[a]\nb = 1\nc = = 2\n")["a", "b"] == 2

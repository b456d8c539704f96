"""The agents on the live screen."""

from engine.cli.live.agent_lines import SORTS, Choices

from .live_view import agent, texts, view


def test_agents_are_sorted_paged_and_left_out() -> None:
    agents = [
        agent("carol", "available", 10.0, calls=2),
        agent("bob", "talking", 20.0, calls=1),
        agent("dave", "logged_out", 30.0),
        agent("alice", "available", 40.0, calls=3),
    ]
    choices = Choices()

    def names(height: int = 30) -> list[str]:
        firsts = [line.split()[0] for line in texts(view(agents), None, choices, height=height)
                  if line.strip()]  # fmt: skip
        return [name for name in firsts if name in ("alice", "bob", "carol", "dave")]

    assert names() == ["bob", "alice", "carol"]
    choices.key("l")
    assert names() == ["bob", "alice", "carol", "dave"]
    found = {}
    for sort in SORTS[1:]:
        choices.key("s")
        assert choices.sort == sort
        found[sort] = names()
    assert found == {
        "name": ["alice", "bob", "carol", "dave"],
        "since": ["alice", "dave", "bob", "carol"],
        "calls": ["alice", "carol", "bob", "dave"],
    }
    choices.key("s")
    assert choices.sort == "state"
    height = 13  # room for two
    assert names(height) == ["bob", "alice"]
    choices.key(" ")
    assert names(height) == ["carol", "dave"]
    assert "page 2 of 2" in "\n".join(texts(view(agents), None, choices, height=height))
    choices.key(" ")
    assert names(height) == ["carol", "dave"]
    choices.key("b")
    assert names(height) == ["bob", "alice"]


def test_why_a_free_agent_has_no_call_while_somebody_waits() -> None:
    shown = view([
        agent("alice", "available", 5.0),
        agent("bob", "paused", 5.0),
        agent("carol", "available", 5.0, queues=["help"]),
    ])  # fmt: skip
    shown["queues"][0]["why_waiting"] = "no agent has german = 5"
    wide = texts(shown, None, Choices(), width=200)
    lines = {
        name: next(line for line in wide if line.startswith(name))
        for name in ("alice", "bob", "carol")
    }
    assert "no agent has german" in lines["alice"]
    assert all("no agent has german" not in lines[name] for name in ("bob", "carol"))

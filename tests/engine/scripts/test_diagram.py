"""Scripts as Mermaid flowcharts."""

from engine.scripts.diagram import diagram
from tests.support.scripts import script, step


def test_diagram_has_every_step_and_every_way() -> None:
    drawn = diagram(
        script(
            step("menu", "menu", text='"Hello" <1>?', keys={"1": "check"}, no_input="mail"),
            step("check", "check", value="pin", against="wanted", again="menu", failed="bye",
                 next="go"),
            step("go", "transfer", queue="sales"),
            step("mail", "voicemail", text="Speak now, please, after the tone that you will hear."),
            step("bye", "hangup", cause="wrong"),
            name="reception",
        )
    )  # fmt: skip
    assert drawn.splitlines() == [
        "flowchart TD",
        '    begin(["reception"]) --> s0',
        '    s0{{"menu<br/>menu: #quot;Hello#quot; #lt;1#gt;?"}}',
        '    s0 -->|"no input"| s3',
        '    s0 -->|"1"| s1',
        '    s0 -->|"no match"| ended',
        '    s1{"check<br/>check: pin = wanted"}',
        '    s1 -->|"next"| s2',
        '    s1 -->|"again"| s0',
        '    s1 -->|"failed"| s4',
        '    s2(["go<br/>transfer: sales"])',
        '    s2 -->|"failed"| ended',
        '    s3["mail<br/>voicemail: Speak now, please, after the tone that …"]',
        '    s3 -->|"next"| ended',
        '    s4(["bye<br/>hangup: wrong"])',
        '    ended(["hang up"])',
    ]


def test_what_has_no_step_leads_to_the_end() -> None:
    drawn = diagram(script(step("when", "callback", text="When?", slots=2, failed="go"),
                           step("go", "connect")))  # fmt: skip
    assert '    s0 -->|"next, no input, no match"| ended' in drawn.splitlines()
    hours = step("hours", "branch", calendar="office", cases={"open": "go", "closed": "go"})
    assert "ended" not in diagram(script(hours, step("go", "connect")))


def test_the_url_of_a_service_is_drawn_without_its_query() -> None:
    drawn = diagram(script(step("bot", "transfer", stream="wss://bots.example.com/a?key=hidden")))
    assert 'transfer: wss://bots.example.com/a"' in drawn and "hidden" not in drawn

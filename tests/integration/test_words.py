"""What a real phone sends reaches a recogniser, and what that says ends the gathering."""

import asyncio
import stat
import sys
from pathlib import Path

from tests.support.engines.process import StartEngine
from tests.support.phones.real.softphone import StartPhone
from tests.support.waiting import until

LIMIT_S = 60.0
# Says "yes please" once it has heard something loud.
HEARS = """
import array, sys
while frame := sys.stdin.buffer.read(640):
    if max(array.array("h", frame)) > 1000:
        print('{"text": "yes please", "confidence": 0.75}', flush=True)
        sys.stdin.buffer.read()
"""


async def test_what_a_caller_says_is_taken_for_a_word(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    program = tmp_path / "hear"
    program.write_text(f"#!{sys.executable} -SE\n{HEARS}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    phone = await softphone(user="caller", tone=400)
    engine = await own_engine(
        agents=[], recognition={"engine": "command", "command": [str(program)]}
    )
    line = engine.line
    call = await line.call("call.originate", to=phone.uri)
    await line.events.wait_for(lambda one: one["type"] == "call.answered", timeout_s=LIMIT_S)
    asked = {"call": call["call"], "max_digits": 0, "first_digit_s": LIMIT_S, "secret": False}
    gathering = asyncio.ensure_future(
        line.call("call.gather", speech={"words": ["yes", "no"]}, **asked)
    )
    finished = await line.events.wait_for(
        lambda one: one["type"] == "gather.finished", timeout_s=LIMIT_S
    )
    assert (finished["ended"], finished["text"], finished["word"]) == (
        "speech", "yes please", "yes",
    )  # fmt: skip
    assert finished["confidence"] == 0.75
    await asyncio.gather(gathering, return_exceptions=True)  # its reply may come late


# Keeps whether each frame that it hears is loud.
KEEPS = """
import array, sys
with open(sys.argv[1], "w", buffering=1) as kept:
    while frame := sys.stdin.buffer.read(640):
        kept.write("x" if max(array.array("h", frame)) > 1000 else ".")
        kept.flush()
"""


async def test_who_listens_all_the_time_hears_nothing_of_a_secret(
    own_engine: StartEngine, softphone: StartPhone, tmp_path: Path
) -> None:
    program, kept = tmp_path / "keep", tmp_path / "kept"
    program.write_text(f"#!{sys.executable} -SE\n{KEEPS}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    kept.touch()
    phone = await softphone(user="caller", tone=400)
    engine = await own_engine(
        agents=[], recognition={"engine": "command", "command": [str(program), str(kept)]}
    )
    line = engine.line
    call = await line.call("call.originate", to=phone.uri)
    await line.events.wait_for(lambda one: one["type"] == "call.answered", timeout_s=LIMIT_S)
    await line.call("call.recognise", call=call["call"])
    await until(lambda: kept.read_text().endswith("x" * 25))
    asking = asyncio.ensure_future(
        line.call("call.gather", call=call["call"], first_digit_s=LIMIT_S)
    )
    await until(lambda: kept.read_text().endswith("." * 50))
    await line.call("call.stop", call=call["call"], gather=True)
    assert (await asking)["ended"] == "stopped"
    await until(lambda: kept.read_text().endswith("x" * 25))

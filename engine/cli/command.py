"""What every client command does: ask one engine, show its answer, or say why there is none.

Exit status: 0 done, 1 the call failed or the engine refused, 2 usage or configuration, 3 no
engine, or none that answers.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ringback_client import (
    Client,
    ClientError,
    ConnectionLost,
    EngineError,
    NoReply,
    RequestRejected,
)
from ringback_client.connection import REPLY_S

# The groups of `ringback --help`, in the order in which they are shown.
CALLS = "Calls and callbacks"
AGENTS = "Agents and queues"
NUMBERS = "Numbers"
REPORTS = "Reports"
RUNNING = "Running it"

EXIT_FAILED, EXIT_USAGE, EXIT_NO_ENGINE, EXIT_INTERRUPTED = 1, 2, 3, 130
DEFAULT_SOCKET = "run/control.sock"
# How long a command that follows events waits for an engine that went away.
GIVE_UP_S = 30.0


class Options:
    """The options that may stand before the name of the command as well as after it."""

    socket = DEFAULT_SOCKET
    json = False
    token = ""

    @classmethod
    def take_socket(cls, value: str | None) -> str | None:
        """Use the socket that --socket names."""
        if value is not None:
            if not value:
                raise typer.BadParameter("must be the path of a socket")
            cls.socket = value
        return value

    @classmethod
    def take_json(cls, value: bool) -> bool:
        """Print JSON, as --json asks for."""
        cls.json = cls.json or value
        return value

    @classmethod
    def take_token_file(cls, value: Path | None) -> Path | None:
        """Use the token in the file that --token-file names."""
        if value is not None:
            try:
                cls.token = value.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise typer.BadParameter(f"{value}: {error}") from None
        return value


SocketAfter = Annotated[
    str | None,
    typer.Option("--socket", callback=Options.take_socket, metavar="PATH", help="Control socket."),
]
Json = Annotated[bool, typer.Option("--json", callback=Options.take_json, help="Print JSON.")]


def call(method: str, show: Callable[[Any], None], /, **params: Any) -> Any:
    """Call `method` with the parameters that are not None, and show its result."""
    given = {name: value for name, value in params.items() if value is not None}
    result = ask(lambda client: client.call(method, **given))
    print_result(result, show)
    return result


def call_pages(method: str, member: str, show: Callable[[Any], None], /, **params: Any) -> Any:
    """Call a method that gives its list `member` in pages, and show all of them as one result."""
    given = {name: value for name, value in params.items() if value is not None}

    async def whole(client: Client) -> dict[str, Any]:
        result: dict[str, Any] = await client.call(method, **given)
        while cursor := result.get("cursor"):
            page = await client.call(method, **given, cursor=cursor)
            result = {**page, member: result[member] + page[member]}
        return result

    result = ask(whole)
    print_result(result, show)
    return result


def ask(question: Callable[[Client], Awaitable[Any]], *, reply_s: float | None = REPLY_S) -> Any:
    """Return the answer to `question`, or say why there is none and exit.

    For `reply_s` see Client.
    """

    async def connected() -> Any:
        async with await Client.connect(
            Options.socket, token=Options.token, reply_s=reply_s
        ) as client:
            return await question(client)

    try:
        return asyncio.run(connected())
    except EngineError as error:
        fail(
            EXIT_FAILED, error.message, kind=error.kind, field=error.field, data=error.data or None
        )
    except RequestRejected as error:
        fail(EXIT_USAGE, error.message, code=error.code, field=error.field)
    except ConnectionLost as error:
        fail(EXIT_NO_ENGINE, str(error), kind="no_engine")
    except NoReply as error:
        fail(EXIT_NO_ENGINE, f"the engine does not answer: {error}", kind="no_reply")
    except ClientError as error:
        fail(EXIT_FAILED, str(error))
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def context_of(pairs: list[str] | None) -> dict[str, str] | None:
    """The context that the options `--context K=V` give together, or None."""
    found: dict[str, str] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{pair!r} is not K=V", param_hint="--context")
        found[key] = value
    return found or None


def fail(status: int, message: str, **details: Any) -> NoReturn:
    """Say what went wrong, on standard error or as JSON, and exit."""
    if Options.json:
        error = {"message": message, **{k: v for k, v in details.items() if v is not None}}
        print_json({"error": error})
    else:
        typer.echo(f"ringback: {message}", err=True)
    raise typer.Exit(status)


def print_result(result: Any, show: Callable[[Any], None]) -> None:
    """Show a result to a person, or print it as JSON for a program."""
    if Options.json:
        print_json(result)
    else:
        show(result)


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    if sys.stdout is None:  # closed by the program that started this one
        return
    is_ascii = sys.stdout.encoding.lower() not in ("utf-8", "utf8")
    sys.stdout.write(json.dumps(value, ensure_ascii=is_ascii) + "\n")
    sys.stdout.flush()

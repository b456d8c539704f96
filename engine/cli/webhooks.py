"""`ringback webhooks`: what each webhook delivers, and what it gave up."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from .command import Json, SocketAfter, call
from .formats import date
from .tables import cell, console, table

app = typer.Typer(
    name="webhooks",
    help="Events sent to URLs: what is pending, what was given up.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list", epilog="Example: ringback webhooks list")
def list_webhooks(socket: SocketAfter = None, json: Json = False) -> None:
    """List the webhooks, and what they could not deliver."""
    call("webhook.list", _print_list)


@app.command("retry", epilog="Example: ringback webhooks retry crm")
def retry(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    event: Annotated[
        int | None, typer.Option(metavar="SEQ", help="One event that was given up, not all.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Deliver what was given up, and try at once what waits for its next attempt."""
    call("webhook.retry", _print_retried, webhook=name, event=event)


def _print_list(result: Mapping[str, Any]) -> None:
    counted = ("pending", "behind", "delivered", "failures", "given_up")
    heads = (name.replace("_", " ") for name in counted)
    shown = table("webhook", "url", *heads, "last error")
    for one in result["webhooks"]:
        counts = (str(one[name]) for name in counted)
        shown.add_row(one["webhook"], one["url"], *counts, one["last_error"] or "")
    console.print(shown)
    for one in result["webhooks"]:
        for lost in one["latest_given_up"]:
            given_up = f"event {lost['seq']} given up at {date(lost['time'])}"
            line = f"{one['webhook']}: {given_up}: {lost['reason']}"
            console.print(cell(line, style="yellow"))


def _print_retried(result: Mapping[str, Any]) -> None:
    typer.echo(f"{result['retried']} deliveries are tried again")
    if result["not_kept"]:
        typer.echo(f"{result['not_kept']} are lost: the event log no longer has them")

"""`ringback webhooks`: who gets events by HTTP, what was delivered, and what was given up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .command import EXIT_FAILED, Json, SocketAfter, call, call_pages
from .output.formats import date
from .output.tables import cell, console, table

app = typer.Typer(
    name="webhooks",
    help="Events sent to URLs: what is pending, what was given up.",
    epilog="Example: ringback webhooks list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list", epilog="Example: ringback webhooks list")
def list_webhooks(socket: SocketAfter = None, json: Json = False) -> None:
    """List the webhooks, and what they could not deliver."""
    call_pages("webhook.list", "webhooks", _print_list)


@app.command("add", epilog="Example: ringback webhooks add crm https://crm.example/ringback")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    url: Annotated[str, typer.Argument(metavar="URL")],
    secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its secret. Without: the engine makes one.")
    ] = None,
    type: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="Types of events; may be repeated.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(metavar="SITE", help="Of these sites only.")
    ] = None,
    queue: Annotated[
        list[str] | None, typer.Option(metavar="QUEUE", help="Of these queues only.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Post events to a URL from now on, also after a restart."""
    given = {"types": type, "sites": site, "queues": queue}
    lists = {name: value or None for name, value in given.items()}
    secret = None if secret_file is None else _secret_in(secret_file)
    call("webhook.add", _print_added, webhook=name, url=url, secret=secret, **lists)


@app.command("remove", epilog="Example: ringback webhooks remove crm")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Remove a webhook that was added by command."""
    call("webhook.remove", _print_removed, webhook=name)


@app.command("test", epilog="Example: ringback webhooks test crm")
def test(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Post one event of type webhook.test, and show the answer."""
    if not call("webhook.test", _print_tested, webhook=name)["delivered"]:
        raise typer.Exit(EXIT_FAILED)


@app.command("retry", epilog="Example: ringback webhooks retry crm")
def retry(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    event: Annotated[
        int | None, typer.Option(metavar="SEQ", help="One event that was given up, not all.")
    ] = None,
    socket: SocketAfter = None,
    json: Json = False,
) -> None:
    """Deliver what was given up, and try at once what waits."""
    call("webhook.retry", _print_retried, webhook=name, event=event)


def _secret_in(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="--secret-file") from None


def _print_added(added: Mapping[str, Any]) -> None:
    typer.echo(f"{added['webhook']} gets {', '.join(added['types'])} at {added['url']}")
    if "secret" in added:
        typer.echo(f"secret, which is shown once: {added['secret']}")


def _print_removed(removed: Mapping[str, Any]) -> None:
    typer.echo(f"{removed['webhook']} is removed; {removed['undelivered']} deliveries are dropped")


def _print_tested(tested: Mapping[str, Any]) -> None:
    if tested["delivered"]:
        typer.echo(f"delivered: {tested['status']} after {tested['took_s']:g} s")
    else:
        typer.echo(f"not delivered: {tested['error']}", err=True)


def _print_list(result: Mapping[str, Any]) -> None:
    counted = ("pending", "behind", "delivered", "failures", "given_up")
    heads = (name.replace("_", " ") for name in counted)
    shown = table("webhook", "url", *heads, "last error")
    for one in result["webhooks"]:
        counts = (str(one[name]) for name in counted)
        shown.add_row(one["webhook"], one["url"], *counts, one["last_error"] or "")
    console.print(shown)
    for one in result["webhooks"]:
        if one["ended_at"] is not None:
            line = f"{one['webhook']}: its receiver ended the deliveries at {date(one['ended_at'])}"
            console.print(cell(line, style="yellow"))
        for lost in one["latest_given_up"]:
            given_up = f"event {lost['seq']} given up at {date(lost['time'])}"
            line = f"{one['webhook']}: {given_up}: {lost['reason']}"
            console.print(cell(line, style="yellow"))


def _print_retried(result: Mapping[str, Any]) -> None:
    typer.echo(f"{result['retried']} deliveries are tried again")
    if result["not_kept"]:
        typer.echo(f"{result['not_kept']} are lost: the event log no longer has them")

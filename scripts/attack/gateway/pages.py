"""Pages of agents, as somebody writes them who is no agent, or would like to be another."""

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp

from ..target import ENGINE_HOST
from .stage import AGENT_TOKENS

ANSWER_S = 8.0
GUESSES = 34
"""More than one address may show in an hour."""


def agents_page(port: int) -> Iterator[str]:
    """What is wrong with the answers."""
    yield from asyncio.run(_agents(port))


async def _agents(port: int) -> list[str]:
    wrong: list[str] = []
    async with aiohttp.ClientSession() as session:
        for origin in ("https://evil.example", "null", f"http://{ENGINE_HOST}:{port}.evil.example"):
            found = await _said(session, port, {"token": AGENT_TOKENS["anna"]}, origin=origin)
            if found != {"status": 403}:
                wrong.append(f"a page of {origin}: {found}")
        for token in ("", None, 7, {"a": 1}, "x" * 70_000):
            found = await _said(session, port, {"token": token})
            if found is not None and "refused" not in found:
                wrong.append(f"a token {token!r:.20}: {found}")
        wrong += await _other_agents(session, port)
        for _ in range(GUESSES):
            found = await _said(session, port, {"token": "guessed, and long enough"})
        if found != {"status": 429}:
            wrong.append(f"{GUESSES} guesses: {found}")
    return wrong


async def _other_agents(session: aiohttp.ClientSession, port: int) -> list[str]:
    """Anna signs in, and asks for what is bert's, and for what is nobody's but the engine's."""
    wrong = []
    url = f"http://{ENGINE_HOST}:{port}/phone/line"
    async with session.ws_connect(url, origin=f"http://{ENGINE_HOST}:{port}") as page:
        await page.send_json({"token": AGENT_TOKENS["anna"]})
        first = await page.receive_json(timeout=ANSWER_S)
        if first.get("agent", {}).get("agent") != "anna":
            return [f"anna cannot sign in: {first}"]
        asked: list[tuple[str, dict[str, Any]]] = [
            ("agent.get", {"agent": "bert"}), ("agent.pause", {"agent": "bert", "reason": "x"}),
            ("agent.logout", {"agent": "bert"}), ("call.hangup", {"call": "call-1"}),
            ("call.get", {"call": "call-1"}), ("callback.get", {"id": "cb-1"}),
            ("callback.annotate", {"id": "cb-1", "notes": "x"}), ("engine.drain", {}),
            ("call.transfer", {"call": "call-1", "leg": "leg-1", "to": "+4490900000"}),
            ("callback.request", {"to": "+4490900000"}), ("auth", {"token": AGENT_TOKENS["bert"]}),
            ("events.subscribe", {"agents": ["bert"]}), ("browser.admit", {"site": "load.example"}),
            ("person.export", {"number": "+442079460801"}), ("call.tap", {"call": "call-1"}),
        ]  # fmt: skip
        for number, (method, params) in enumerate(asked):
            await page.send_json({"id": number, "method": method, "params": params})
            answer = await _answer_to(page, number)
            if "error" not in answer:
                wrong.append(f"{method} {params}: {str(answer)[:80]}")
        await page.send_json({"id": 99, "method": "call.list", "params": {}})
        calls = await _answer_to(page, 99)
        if calls.get("result", {}).get("calls"):
            wrong.append(f"calls of others: {calls}")
    return wrong


async def _answer_to(page: aiohttp.ClientWebSocketResponse, number: int) -> dict[str, Any]:
    """The answer to a request; events come between."""
    while True:
        answer: dict[str, Any] = await page.receive_json(timeout=ANSWER_S)
        if answer.get("id") == number:
            return answer


async def _said(
    session: aiohttp.ClientSession, port: int, first: object, *, origin: str = ""
) -> dict[str, Any] | None:
    """What a page is told that begins so; the status where it gets no line; None: it is closed."""
    url = f"http://{ENGINE_HOST}:{port}/phone/line"
    try:
        async with session.ws_connect(url, origin=origin or f"http://{ENGINE_HOST}:{port}") as page:
            await page.send_json(first)
            message = await page.receive(timeout=ANSWER_S)
            found: dict[str, Any] | None = (
                message.json() if message.type is aiohttp.WSMsgType.TEXT else None
            )
            return found
    except aiohttp.WSServerHandshakeError as error:
        return {"status": error.status}

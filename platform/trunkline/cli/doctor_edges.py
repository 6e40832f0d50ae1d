"""What ``trunkline doctor`` says of several edges and of the front before them."""

from __future__ import annotations

import httpx

from trunkline.cli.edge_slots import EdgeSlot, edge_slots, front_inner
from trunkline.cli.findings import Finding, Status
from trunkline.cli.front.program import kamailio_program
from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import Settings


async def edges(settings: Settings) -> list[Finding]:
    """Nothing for one edge, which has no front."""
    if settings.edges == 1:
        return []
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        return [
            await _front(client, settings),
            *[await _edge(client, slot) for slot in edge_slots(settings)],
        ]


async def _front(client: httpx.AsyncClient, settings: Settings) -> Finding:
    try:
        kamailio_program()
    except ConfigError as exc:
        return Finding("front", Status.FAIL, "kamailio is not installed", exc.message)
    if await _answer(client, f"http://{front_inner(settings)}/readyz") is None:
        return Finding("front", Status.WARN, "it is not running", "run `trunkline up`")
    return Finding("front", Status.OK, f"{settings.edges} edges behind it")


async def _edge(client: httpx.AsyncClient, slot: EdgeSlot) -> Finding:
    answer = await _answer(client, f"{slot.health_url}/readyz")
    if answer is None:
        return Finding(slot.name, Status.WARN, "it is not running", "run `trunkline up`")
    if answer.status_code == 200:
        return Finding(slot.name, Status.OK, "takes calls")
    problems = answer.json().get("problems", {})
    return Finding(
        slot.name,
        Status.WARN,
        "; ".join(str(problem) for problem in problems.values()) or "not ready",
        "the others take the calls meanwhile; `trunkline edges list` tells what they have up",
    )


async def _answer(client: httpx.AsyncClient, url: str) -> httpx.Response | None:
    try:
        return await client.get(url)
    except httpx.HTTPError:
        return None

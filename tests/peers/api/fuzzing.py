"""The API with something of everything in it, and schemathesis let loose on its description."""

from __future__ import annotations

import asyncio
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from tests.peers.api.conftest import ADMIN, serving
from tests.unit.calls.flow_texts import BROKEN, shop
from tests.unit.storage.facts import answered, started, whole_call

from trunkline.api.deps import ApiDeps
from trunkline.api.limits import RateLimits
from trunkline.calls.commands import RedisCommands
from trunkline.calls.control import ControlListener
from trunkline.calls.flow_editor import FlowEditor
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.link_desk import LinkLimits
from trunkline.domain.clock import SystemClock
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.events import EscalationRaised
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules, OutboundTrunk
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.runtime.buckets import Buckets
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.migrate import upgrade_to_head

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
FUZZED, LIVE = CallId("call_fuzzed"), CallId("call_live")
_ENVIRONMENT: Final = {"TRUNKLINE_SAMPLE_SERVICE_URL": "http://127.0.0.1:1"}


@asynccontextmanager
async def fuzzed_api(folder: Path, redis_url: str, database_url: str) -> AsyncIterator[str]:
    """A base URL; no limit of requests, an edge that obeys, live streams that end at once."""
    await upgrade_to_head(database_url)
    sessions = open_sessions(database_url)
    redis = Redis.from_url(redis_url)
    clock = SystemClock()
    catalog = FlowCatalog([SHIPPED_AGENTS], _ENVIRONMENT)
    catalog.load()
    shelf = FlowShelf(catalog, sessions)
    plenty = Buckets(burst=1e9, per_s=1e9)
    deps = ApiDeps(
        sessions=sessions,
        redis=redis,
        catalog=catalog,
        commands=RedisCommands(redis, clock),
        data_dir=folder,
        authority_file=folder / "authority.json",
        admin_key=ADMIN,
        limits=RateLimits(keys=plenty, guesses=plenty),
        link_limits=LinkLimits(requests=plenty, guesses=plenty, audited=plenty),
        shelf=shelf,
        rules=OutboundRules(
            plan=DialPlan(("+44",)), trunks=(OutboundTrunk("carrier", ("192.0.2.1", "5060")),)
        ),
    )
    deps.closing.set()
    await _furnish(folder, sessions, clock)
    edge = ControlListener(
        redis, "edge_one", clock,
        obey=lambda _: None, live_count=lambda: 1, is_draining=lambda: False,
    )  # fmt: skip
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(edge.run())
        async with serving(deps) as (_, base_url):
            yield base_url
        listening.cancel()
    await redis.aclose()
    await sessions.close()


async def _furnish(folder: Path, sessions: Sessions, clock: SystemClock) -> None:
    """An ended call with its files, a live one, an agent with history and a canary, a draft."""
    await write_facts(sessions, whole_call(FUZZED))
    now = clock.now()
    raised = EscalationRaised(
        LIVE, now, 0, "esc_live", "legal", "keyword", "high", "supervisor", "menu", "they said so"
    )
    await write_facts(sessions, [started(LIVE, now), answered(LIVE, now), raised])
    recording = folder / "recordings" / "2026" / "11" / f"{FUZZED}.wav"
    recording.parent.mkdir(parents=True)
    with wave.open(str(recording), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    recording.with_suffix(".jsonl").write_text('{"type": "ring"}\n')
    editor = FlowEditor(sessions, clock, _ENVIRONMENT)
    for greeting in ("Hello.", "Hi."):
        await editor.save_draft("kiosk", shop(greeting), "sue", based_on=None)
        await editor.publish("kiosk", "sue", note="because")
    await editor.save_draft("kiosk", shop("Good day."), "sue", based_on=None)
    await editor.set_canary("kiosk", 20, "sue")
    await editor.save_draft("sketch", BROKEN, "sue", based_on=None)


async def fuzz(base_url: str, folder: Path, *more: str, seed: int, examples: int) -> str:
    """What schemathesis said; AssertionError holds it when it found something."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG),
        "run", f"{base_url}/openapi.json", "--url", base_url,
        "--header", f"Authorization: Bearer {ADMIN}",
        "--seed", str(seed), "--max-examples", str(examples), *more,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    report = said.decode(errors="replace")
    assert process.returncode == 0, report
    return report

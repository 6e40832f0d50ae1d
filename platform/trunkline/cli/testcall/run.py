"""One test call from dialling to the report: endpoint, mouth, ears and caller put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from trunkline.cli.testcall.caller import TestCaller
from trunkline.cli.testcall.ears import Ears
from trunkline.cli.testcall.mouth import render
from trunkline.cli.testcall.report import CallReport, judge
from trunkline.cli.testcall.script import Step
from trunkline.domain.errors import Invalid
from trunkline.realtime.client import RealtimeClient
from trunkline.runtime.settings import Settings
from trunkline.sip.config import CODECS, EndpointConfig
from trunkline.sip.endpoint import Endpoint

TRANSCRIPT_DEADLINE_S = 10.0
_EARS_MODEL = "trunkline"


async def place_call(
    settings: Settings,
    uri: str,
    steps: Sequence[Step],
    *,
    voice: str,
    codec: str,
    record: str | None,
) -> CallReport:
    """Raises Invalid for a wrong URI or codec, EngineError when there is no model server."""
    if not uri.startswith(("sip:", "sips:")):
        uri = f"sip:{uri}@127.0.0.1:{settings.sip_port}"
    chosen = _codec(codec)
    rate_hz = 8000 if chosen.startswith("PCM") else 24000
    key = settings.resolved_edge_key()
    model_url = settings.resolved_model_url
    phrases = await render(steps, model_url=model_url, api_key=key, voice=voice, rate_hz=rate_hz)
    report = CallReport(uri)
    config = EndpointConfig(bind_address=_own_address(uri), codecs=(chosen,))
    async with (
        RealtimeClient.connect(model_url, api_key=key, model=_EARS_MODEL) as client,
        Endpoint(config).running() as endpoint,
        asyncio.TaskGroup() as tasks,
    ):
        ears = Ears(client, rate_hz)
        ears.configure()
        listening = tasks.create_task(ears.listen(), name="ears")
        placed_at = time.monotonic()
        leg = await endpoint.place(uri, sample_rate_hz=rate_hz)
        caller = TestCaller(leg, steps, phrases, ears, report, placed_at)
        await caller.run()
        # The last words are still being transcribed when the line goes dead.
        ears.feed(bytes(rate_hz * 2))
        if not await ears.settle(TRANSCRIPT_DEADLINE_S):
            report.problems.append("the model server did not transcribe the last words in time")
        listening.cancel()
        caller.measure()
        if record:
            caller.save(Path(record))
    judge(report, len(steps))
    return report


def _codec(name: str) -> str:
    found = next((c for c in CODECS if c.split("/")[0].lower() == name.lower()), None)
    if found is None:
        raise Invalid(f"--codec wants one of PCMU, PCMA, G722, opus, not {name!r}")
    return found


def _own_address(uri: str) -> str:
    """Calls on this machine stay on loopback; others leave by whatever interface leads there."""
    return "127.0.0.1" if any(host in uri for host in ("@127.", "@localhost", "@[::1]")) else ""

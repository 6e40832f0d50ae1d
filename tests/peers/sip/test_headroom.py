"""An edge whose loop is really late: it refuses who comes, keeps who is there, and recovers."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.peers.drivers.raw_sip import RawCaller, raw_caller
from tests.peers.sip.conftest import Edge

from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import nursery
from trunkline.sip.headroom_watch import HeadroomWatch, headroom_watch

pytestmark = [pytest.mark.peers, pytest.mark.timeout(90)]

_LATE_S = 0.15


@asynccontextmanager
async def late_loop() -> AsyncIterator[None]:
    """Something on the loop works for longer than anybody should, again and again."""
    loop, is_over = asyncio.get_running_loop(), False

    def work() -> None:
        until = time.perf_counter() + _LATE_S
        while time.perf_counter() < until:
            pass
        if not is_over:
            loop.call_later(0.01, work)

    work()
    try:
        yield
    finally:
        is_over = True


async def status_of(caller: RawCaller, method: str, cseq: int) -> tuple[int, str]:
    body = caller.offer() if method == "INVITE" else ""
    caller.send(caller.request(method, cseq, body=body))
    response = await caller.answer(cseq)
    found = re.match(r"SIP/2\.0 (\d+)", response)
    assert found
    return int(found[1]), response


async def until(holds: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(40):
            while not holds():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it never came to this: {what}") from None


async def test_a_late_edge_refuses_with_a_time_and_lets_in_again_when_it_is_not(
    edge: Edge, tmp_path: Path
) -> None:
    settings = Settings(model_url="http://127.0.0.1:9/v1", data_dir=tmp_path)
    watch: HeadroomWatch = headroom_watch(settings, edge.endpoint, edge.reception)
    async with nursery("watch") as tasks, raw_caller(edge.endpoint.sip_port) as before:
        await before.invite()
        line = await edge.next_line()
        await line.leg.answer()
        await before.confirm()
        tasks.start(watch.run(), "watch")
        async with late_loop():
            await until(lambda: not watch.headroom.is_open, "it closes")
            assert "loop_l" in watch.headroom.capacity.why
            async with raw_caller(edge.endpoint.sip_port) as late:
                status, response = await status_of(late, "INVITE", 1)
                assert status == 503
                assert re.search(r"^Retry-After: \d+$", response, re.M)
                assert (await status_of(late, "OPTIONS", 2))[0] == 503
            assert "calls are refused" in await watch.problem()
        await until(lambda: watch.headroom.is_open, "it opens")
        assert watch.figures()["live"] == 1
        async with raw_caller(edge.endpoint.sip_port) as after:
            assert (await status_of(after, "OPTIONS", 2))[0] == 200
            await after.invite()
            line = await edge.next_line()
            await line.leg.answer()
            await after.confirm()
            await after.hang_up()
        await before.hang_up()

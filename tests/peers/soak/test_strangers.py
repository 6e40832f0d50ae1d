"""Peers who write what nobody expects: served or refused, they cost nobody else anything."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter

import httpx
import pytest
from tests.peers.drivers.installation import Installation
from tests.soak.caller import RestlessCaller
from tests.soak.processes import until_idle
from tests.soak.reckoning import every_call, log_complaints

from trunkline.calls.admission import Refuse, Verdict
from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegEnded
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute
from trunkline.sip.config import EndpointConfig
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.invite import Invite
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception

pytestmark = pytest.mark.peers


async def test_a_call_id_of_stray_bytes_harms_neither_its_call_nor_the_live_view(
    house: Installation,
) -> None:
    # Numbers of this run alone: one that is tried again must not find the calls of the first.
    stray, after = (f"+44163296{number:04d}" for number in random.sample(range(10_000), 2))
    seen: asyncio.Queue[str] = asyncio.Queue(1000)

    async def watch(started: asyncio.Event) -> None:
        headers = {"authorization": f"Bearer {house.api_key}"}
        async with (
            httpx.AsyncClient(timeout=30, trust_env=False, headers=headers) as client,
            client.stream("GET", f"{house.api}/live") as feed,
        ):
            assert feed.status_code == 200
            started.set()
            async for line in feed.aiter_lines():
                if line.startswith("data:"):
                    seen.put_nowait(line)

    async with asyncio.TaskGroup() as group:
        started = asyncio.Event()
        watching = group.create_task(watch(started))
        async with asyncio.timeout(20):
            await started.wait()
        for number, prefix in ((stray, "caf\udce9\udcff-"), (after, "")):
            async with RestlessCaller(
                "127.0.0.1", house.sip_port, user=number, call_id_prefix=prefix
            ) as caller:
                await caller.invite()
                await caller.first_loud(caller.answered_at)
                await caller.hang_up()
        await until_idle(house, 20)
        calls = await every_call(house)
        ids = {calls[number]["call_id"] for number in (stray, after)}
        told: Counter[str] = Counter()
        async with asyncio.timeout(20):
            while set(told) != ids:
                line = await seen.get()
                told.update(one for one in ids if json.dumps(one) in line.replace(" ", ""))
        watching.cancel()
    assert {calls[number]["cause"] for number in (stray, after)} == {"caller_hangup"}
    assert not log_complaints(house, ())


@pytest.mark.parametrize("verdict", ["taken", "refused"])
async def test_a_cancel_that_comes_while_an_invite_is_judged_is_no_fault(
    verdict: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The dialog is over between our look at it and our answer to it."""
    taken: asyncio.Queue[SipLeg] = asyncio.Queue()
    cancelled = threading.Event()

    class Slow(Reception):
        def judge(self, invite: Invite, live_by_trunk: Counter[str], now_s: float) -> Verdict:
            # On the control thread; PJSIP's own reads the CANCEL and answers meanwhile.
            assert cancelled.wait(10)
            if verdict == "refused":
                return Refuse(503, "as the test wants")
            return super().judge(invite, live_by_trunk, now_s)

    reception = Slow(
        trunks=(LOCAL_TRUNK,),
        routes=(NumberRoute("100", "shop"),),
        max_calls=5,
        accept=lambda leg, *_: taken.put_nowait(leg),
    )
    endpoint = Endpoint(EndpointConfig(), reception=reception, trunks=(LOCAL_TRUNK,))
    async with endpoint.running():
        async with RestlessCaller("127.0.0.1", endpoint.sip_port) as caller:
            assert await caller.invite_and_cancel(0) == 487
            cancelled.set()
        if verdict == "taken":  # nothing is lost: who rang for an instant has called
            async with asyncio.timeout(5):
                leg = await taken.get()
                told = [event async for event in leg.events()]
            assert isinstance(told[-1], LegEnded)
            assert told[-1].cause is EndCause.CALLER_CANCELLED
        await endpoint.problem()  # the control thread has done what was before it
        assert endpoint.live_count == 0
    log = "".join(capfd.readouterr())
    assert "failed" not in log
    assert "could not be taken" not in log


async def test_an_invite_we_stumble_over_is_refused_and_does_not_ring_for_ever() -> None:
    class Stumbling(Reception):
        def judge(self, invite: Invite, live_by_trunk: Counter[str], now_s: float) -> Verdict:
            raise RuntimeError("as the test wants")

    reception = Stumbling(trunks=(LOCAL_TRUNK,), routes=(), max_calls=5, accept=lambda *_: None)
    endpoint = Endpoint(EndpointConfig(), reception=reception, trunks=(LOCAL_TRUNK,))
    async with endpoint.running():
        async with RestlessCaller("127.0.0.1", endpoint.sip_port) as caller:
            with pytest.raises(RuntimeError, match="500"):
                await caller.invite(deadline_s=5)
        assert endpoint.live_count == 0

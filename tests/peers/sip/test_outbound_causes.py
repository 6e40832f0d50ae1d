"""How calls of ours end when they are not answered, by real answers; and early media."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.peers.drivers.ports import free_port
from tests.peers.drivers.sipp_callee import announcing, refusing, sipp_callee
from tests.peers.sip.conftest import Edge

from trunkline.domain.call import EndCause
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import LegAnswered, LegEnded, LegMediaStarted, LegRinging
from trunkline.domain.trunk import Trunk, TrunkAuth
from trunkline.sip.switch import SipSwitch

pytestmark = pytest.mark.peers

NUMBER = "+441632960100"


@pytest.mark.parametrize(
    ("status", "reason", "cause"),
    [
        (486, "", EndCause.BUSY),
        (480, "", EndCause.NO_ANSWER),
        (480, 'Q.850;cause=17;text="User busy"', EndCause.BUSY),
        (603, "", EndCause.REJECTED),
        (404, "", EndCause.UNREACHABLE),
        (503, "", EndCause.TRUNK_ERROR),
    ],
)
async def test_a_refusal_has_its_cause(
    edge: Edge, tmp_path: Path, status: int, reason: str, cause: EndCause
) -> None:
    scenario = refusing(status, reason_header=reason, rings=status == 486)
    async with sipp_callee(tmp_path / "callee", scenario) as port:
        line = edge.follow(await edge.endpoint.place(f"sip:{NUMBER}@127.0.0.1:{port}"))
        await line.wait_for(LegEnded)
    assert (line.ended.cause, line.ended.sip_status) == (cause, status)
    assert bool(line.of(LegRinging)) is (status == 486)
    assert not line.of(LegAnswered)


async def test_a_port_where_nobody_listens_is_the_trunks_fault(edge: Edge) -> None:
    """Over TCP the refusal comes at once; over UDP PJSIP gives up after 32 s (timer B)."""
    uri = f"sip:{NUMBER}@127.0.0.1:{free_port()};transport=tcp"
    line = edge.follow(await edge.endpoint.place(uri))
    await line.wait_for(LegEnded)
    assert line.ended.cause is EndCause.TRUNK_ERROR


async def test_early_media_is_no_answer_and_a_caller_id_is_shown(
    edge: Edge, tmp_path: Path
) -> None:
    async with sipp_callee(tmp_path / "callee", announcing(400)) as port:
        carrier = Trunk("carrier", TrunkAuth.SOURCE, registrar=f"sip:127.0.0.1:{port}")
        leg = await edge.endpoint.place(NUMBER, trunk=carrier, caller_id="+441632960000")
        line = edge.follow(leg)
        await line.wait_for(LegMediaStarted)
        assert line.of(LegRinging) and not line.of(LegAnswered)
        assert leg.description.caller_number == "+441632960000"
        await line.wait_for(LegAnswered)
        await leg.hang_up(EndCause.AGENT_HANGUP)
        await line.wait_for(LegEnded)
    assert line.ended.cause is EndCause.AGENT_HANGUP


async def test_a_trunk_dials_no_more_calls_than_it_may_carry(edge: Edge, tmp_path: Path) -> None:
    async with sipp_callee(tmp_path / "callee", announcing(600)) as port:
        carrier = Trunk("carrier", TrunkAuth.SOURCE, registrar=f"sip:127.0.0.1:{port}", max_calls=1)
        switch = SipSwitch(edge.endpoint, (carrier,), DialPlan(("+44",)))
        leg = await switch.place(NUMBER)
        line = edge.follow(leg)  # type: ignore[arg-type]
        with pytest.raises(TrunkError, match="1 calls up"):
            await switch.place(NUMBER)
        await line.wait_for(LegAnswered)
        await leg.hang_up(EndCause.AGENT_HANGUP)
        await line.wait_for(LegEnded)

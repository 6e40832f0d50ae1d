"""Every part of the house killed in turn while a caller waits for an approval."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.peers.conversation.paying import paid
from tests.peers.drivers.deciders import Decider, deciding
from tests.peers.drivers.installation import Installation, running
from tests.peers.faults.conftest import wait_for_lines
from tests.peers.faults.phone import said, until
from tests.peers.faults.test_edge import is_another
from tests.peers.faults.waiting import (
    PAYER,
    VICTIMS,
    granted_at_last,
    kill,
    kill_while_waiting,
    talkative,
    waiting,
)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def agents_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agents")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, agents_dir: Path) -> Iterator[Installation]:
    data_dir = tmp_path_factory.mktemp("tl") / "var"
    with running(data_dir, TRUNKLINE_AGENTS_DIR=str(agents_dir)) as started:
        wait_for_lines(started, "energy")
        yield started


@pytest.mark.parametrize("place, victim", list(enumerate(VICTIMS)))
async def test_who_waits_is_held_and_the_payment_is_made_once(
    house: Installation, agents_dir: Path, place: int, victim: str
) -> None:
    amount = f"24.{place + 20}"
    async with talkative(house, agents_dir), deciding(house) as decider:
        await kill_while_waiting(house, decider, victim, f"+44163296088{place}", amount)
    assert paid(house, PAYER).count(amount) == 1


async def test_a_killed_edges_request_is_taken_back_and_nothing_is_paid(
    house: Installation,
) -> None:
    async with deciding(house) as decider:
        approval_id = await lose_the_edge(house, decider, "24.30")
        await decider.until(approval_id, "abandoned", 60)
    assert "24.30" not in paid(house, PAYER)


async def test_what_was_granted_before_the_edge_was_killed_is_paid_once_and_its_receipt_kept(
    house: Installation,
) -> None:
    async with deciding(house) as decider:
        approval_id = await lose_the_edge(house, decider, "24.40", is_granted=True)
        done = await decider.until(approval_id, "done", 60)
    assert done["result"]["amount"] == "24.40"
    assert paid(house, PAYER).count("24.40") == 1


async def lose_the_edge(
    house: Installation, decider: Decider, amount: str, *, is_granted: bool = False
) -> str:
    """Killed while a caller waits, the grant a moment before; until its call is closed."""
    user = f"+4416329609{amount[-2:]}"
    async with waiting(house, decider, user, amount) as (phone, asked):
        edge, starts = house.child_pid("sip"), house.log.count("calls are taken")
        if is_granted:
            await granted_at_last(decider, asked)
        kill(house, "sip")
        phone.over.set()  # nobody is left to answer our BYE
    await until(lambda: is_another(house, edge), "the edge is started again", 60)
    await until(lambda: house.log.count("calls are taken") > starts, "calls are taken", 90)
    call = await phone.until_ended(60)
    assert call["cause"] == "edge_lost"
    assert said(call).count("has been made") <= is_granted
    return str(asked["approval_id"])

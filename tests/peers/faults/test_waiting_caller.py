"""Something is killed while a caller waits for an approval: one of the drills, drawn by a seed."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.peers.conversation.paying import paid
from tests.peers.drivers.deciders import deciding
from tests.peers.drivers.installation import Installation
from tests.peers.faults.waiting import PAYER, VICTIMS, kill_while_waiting, talkative

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

SEED = int(os.environ.get("DRILL_SEED", "4"))


async def test_a_caller_who_waits_is_held_through_a_kill_and_the_payment_is_made_once(
    house: Installation, agents_dir: Path
) -> None:
    victim = random.Random(SEED).choice(VICTIMS)
    async with talkative(house, agents_dir), deciding(house) as decider:
        await kill_while_waiting(house, decider, victim, "+441632960881", "24.10")
    assert paid(house, PAYER).count("24.10") == 1

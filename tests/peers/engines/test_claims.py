"""A model that says it is done while a person is still asked: nobody ever hears it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from tests.fakes.chat_model import ChatServer
from tests.peers.conversation.caller import calling, runs_of, said
from tests.peers.conversation.event_log import fact
from tests.peers.conversation.paying import paid
from tests.peers.conversation.sound import share_found
from tests.peers.drivers.deciders import deciding
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]

CLAIM: Final = "Your payment of twelve dollars and fifty cents has been made."
NOT_DONE: Final = "It is not done yet. A person has to decide about it first."


def boasts(body: Mapping[str, Any]) -> str:
    """Whatever the tool answered: it is done."""
    last = [m for m in body["messages"] if m["role"] in ("user", "tool")][-1]
    return CLAIM if last["role"] == "tool" else ""


def tells_of_it(entry: dict[str, Any]) -> bool:
    return fact(entry).get("fact") == "approval_heard" and fact(entry)["state"] == "done"


async def test_a_models_claim_is_heard_only_once_it_is_true(
    installation: Installation, chat: ChatServer, tmp_path: Path
) -> None:
    chat.insists = boasts
    uri = f"sip:206@127.0.0.1:{installation.sip_port}"
    async with (
        deciding(installation) as decider,
        calling(installation, tmp_path, uri=uri) as caller,
    ):
        await caller.hears("How can I help you")
        await caller.say("pay my bill")
        await caller.hears(NOT_DONE)
        await caller.say("pay my bill")
        await caller.hears(NOT_DONE)
        lied_to = caller.heard()
        (asked,) = await decider.asked(caller.log.call_id)
        await decider.grant(asked)
        await decider.until(asked["approval_id"], "done")
        await caller.log.next("news that it is done", tells_of_it)
        await caller.say("pay my bill")
        await caller.hears(CLAIM)
        call = await caller.hang_up()
    chat.insists = lambda _: ""

    claim = await caller.agent_phrase(CLAIM, 8000)
    not_done = await caller.agent_phrase(NOT_DONE, 8000)
    # By parts: on a busy machine a phone's jitter buffer waits and catches up in mid-phrase.
    assert share_found(not_done, lied_to) > 0.6
    assert share_found(claim, lied_to) < 0.4
    assert share_found(claim, caller.heard()) > 0.6
    assert said(call).count("has been made") == 1
    assert sum(bool(boasts(body)) for body in chat.bodies) >= 3
    assert paid(installation, "44217740") == ["12.50"]
    assert runs_of(call, "pay_bill")[0]["outcome"] == "ok"

"""An installation registered at a carrier: a number rings there and the agent answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers.conversation.caller import AGENT_VOICE, calling, runs_of, turns
from tests.peers.conversation.sound import find, rendered
from tests.peers.drivers.installation import Installation, running
from tests.peers.drivers.kamailio import Kamailio, kamailio

pytestmark = [pytest.mark.peers, pytest.mark.timeout(150)]

NUMBER = "+441632960100"

CONFIG = """\
local_trunk = false

[[trunks]]
name = "carrier"
auth = "register"
registrar = "sip:127.0.0.1:{port}"
username = "{user}"
password = "{password}"

[[numbers]]
number = "{number}"
agent = "energy"
trunk = "carrier"
"""


@asynccontextmanager
async def registered(folder: Path, carrier: Kamailio) -> AsyncIterator[Installation]:
    """An installation whose one trunk is the carrier."""
    config = folder / "trunkline.toml"
    config.write_text(
        CONFIG.format(
            port=carrier.port, user=carrier.user, password=carrier.password, number=NUMBER
        )
    )
    starting = running(folder / "var", TRUNKLINE_CONFIG=str(config))
    installation = await asyncio.to_thread(starting.__enter__)
    try:
        async with asyncio.timeout(20):
            while f"REGISTERED {carrier.user}" not in carrier.log:
                await asyncio.sleep(0.05)
        yield installation
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)


async def trunk_with_a_call(ours: Installation) -> dict[str, Any]:
    """The trunk as the API tells of it, once the edge has told of the call."""
    headers = {"authorization": f"Bearer {ours.api_key}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client, asyncio.timeout(20):
        while True:
            answer = await client.get(f"{ours.api}/trunks")
            for trunk in answer.raise_for_status().json()["data"]:
                if trunk["calls_up"] == 1:
                    return dict(trunk)
            await asyncio.sleep(0.1)


async def test_a_number_rings_at_the_carrier_and_the_agent_answers(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tk")  # short: Redis listens on a Unix socket below it
    async with (
        kamailio(folder / "proxy") as carrier,
        registered(folder, carrier) as ours,
    ):
        uri = f"sip:{NUMBER}@127.0.0.1:{carrier.port}"
        async with calling(ours, folder, uri=uri) as caller:
            await caller.hears("How can I help you")
            told = await trunk_with_a_call(ours)
            assert (told["name"], told["state"], told["calls_taken"]) == ("carrier", "up", 1)
            assert carrier.password not in str(told)
            await caller.say("when are you open")
            answer = await caller.hears("We're open from eight o'clock")
            await caller.hears("anything else")
            await caller.say("goodbye")
            call = await caller.until_hung_up()

    assert (call["trunk"], call["called_number"]) == ("carrier", NUMBER)
    assert call["caller_number"] == caller.phone.user
    assert call["cause"] == "agent_hangup"
    assert turns(call, "caller")[0] == "when are you open"
    assert [run["outcome"] for run in runs_of(call, "get_hours")] == ["ok"]
    phrase = await rendered(installation, answer["text"], AGENT_VOICE, 8000)
    assert find(phrase, caller.heard()).likeness > 0.95

    # The call went through the proxy and stayed on its route, BYE included.
    messages = caller.phone.messages()
    (ok,) = [m for m in messages if m.header("CSeq").endswith("INVITE") and " 200 " in m.first_line]
    assert f"127.0.0.1:{carrier.port}" in ok.header("Record-Route")
    (bye,) = [m for m in messages if m.first_line.startswith("BYE ")]
    assert f"127.0.0.1:{carrier.port}" in bye.header("Via")
    assert "expires 0" in carrier.log.lower(), "stopping, it took its registration back"

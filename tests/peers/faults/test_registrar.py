"""A registrar that refuses our password: plain to see everywhere, and nobody else's trouble."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from benchmarks.calls import speech
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.kamailio import kamailio
from tests.peers.faults.conftest import Fresh
from tests.peers.faults.phone import ACCOUNT, calling, runs_of, said, until

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

WRONG = "wr0ng-passw0rd"


async def test_a_wrong_password_is_told_everywhere_and_other_trunks_serve(
    fresh: Fresh, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = tmp_path / "trunkline.toml"
    async with kamailio(tmp_path / "proxy") as proxy:
        config.write_text(
            '[[trunks]]\nname = "carrier"\nauth = "register"\n'
            f'registrar = "sip:127.0.0.1:{proxy.port}"\n'
            f'username = "{proxy.user}"\npassword = "{WRONG}"\n'
        )
        data_dir = tmp_path_factory.mktemp("tl") / "var"
        # At debug level SIP messages are logged too: secrets must not be in them either.
        with fresh(data_dir, TRUNKLINE_CONFIG=str(config), TRUNKLINE_LOG_LEVEL="debug") as house:
            edge = house.child_pid("sip")
            await until(lambda: "refused our credentials" in house.log, "the log says so")
            assert 'trunkline_trunk_registered{trunk="carrier"} 0.0' in await metrics(house)

            report = await asyncio.to_thread(house.command, "doctor", "--json")
            findings = {found["subject"]: found for found in json.loads(report.stdout)}
            assert report.returncode == 1
            assert findings["trunk carrier"]["status"] == "fail"
            assert "password" in findings["trunk carrier"]["advice"]
            assert findings["trunk local"]["status"] == "ok"

            question = await asyncio.to_thread(speech, house, "what are your opening hours", "ash")
            # The registrar's own address is the carrier's; this caller is the local trunk's.
            async with calling(house, address="127.0.0.2") as phone:
                await phone.until_step("menu")
                await phone.until_quiet(1.2)
                await phone.speak(question)
                call = await phone.until_detail(lambda call: bool(call["tool_runs"]), "the hours")
                assert "opening hours" in said(call, "caller")
                await phone.press(f"1{ACCOUNT}")
                call = await phone.until_detail(lambda call: "You owe" in said(call), "the balance")
                assert runs_of(call, "get_balance")[0]["outcome"] == "ok"
            assert house.child_pid("sip") == edge
        assert WRONG not in house.log


async def metrics(house: Installation) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{house.web_port + 1}/metrics")
        return answer.raise_for_status().text

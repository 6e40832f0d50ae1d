"""A flow file that is broken while calls run: complained of by line, and the old one serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import api, calling, get, said, until

from trunkline.flows.catalog import SHIPPED_AGENTS

pytestmark = [pytest.mark.peers, pytest.mark.timeout(120)]

GREETING = 'say: "Welcome to {{ company }}. How can I help you today?"'
SHIPPED = (SHIPPED_AGENTS / "energy.yaml").read_text()


def greeting(company: str) -> str:
    """The sample flow for another company: a new version, and a new line to render."""
    assert "company: Brightwater Energy" in SHIPPED
    return SHIPPED.replace("company: Brightwater Energy", f"company: {company}")


async def flows(house: Installation) -> dict[str, Any]:
    async with api(house) as client:
        answer: dict[str, Any] = (await get(client, "/flows")).json()
        return answer


async def version(house: Installation) -> str:
    return next(
        str(flow["version"]) for flow in (await flows(house))["flows"] if flow["agent"] == "energy"
    )


async def greeted_with(house: Installation) -> str:
    """What the next caller hears first."""
    async with calling(house) as phone:
        return said(await phone.until_detail(lambda call: "Welcome" in said(call), "a greeting"))


def lines_at_hand(house: Installation, version: str) -> bool:
    return any(
        f'"version": "{version}"' in line and "an opening is at hand" in line
        for line in house.log.splitlines()
    )


async def test_an_error_in_a_flow_file_is_told_by_its_line_and_the_old_version_serves(
    house: Installation, agents_dir: Path
) -> None:
    file = agents_dir / "energy.yaml"
    shipped = await version(house)
    try:
        file.write_text(greeting("Northlight Power"))
        await until(lambda: changed(house, shipped), "the operator's own version")
        good = await version(house)
        await until(lambda: lines_at_hand(house, good), "its lines")
        async with calling(house) as phone:
            await phone.until_step("menu")

            broken = greeting("Southlight Power").replace(GREETING, f"{GREETING}\n    jump: menu")
            line = broken[: broken.index("jump:")].count("\n") + 1
            file.write_text(broken)
            await until(lambda: complained(house, line), "the complaint in the log")
            (problem,) = (await flows(house))["problems"]
            assert Path(problem["file"]).name == file.name
            assert any(f"line {line}" in text and "jump" in text for text in problem["complaints"])
            assert await version(house) == good

            report = house.command("doctor", "--json")
            findings = {found["subject"]: found for found in json.loads(report.stdout)}
            assert findings["flow energy.yaml"]["status"] == "fail"
            assert f"line {line}" in findings["flow energy.yaml"]["detail"]
            assert report.returncode == 1

            await phone.press("4")  # the call that was up goes on
            await phone.until_detail(lambda call: "open from" in said(call), "the opening hours")
        assert "Northlight Power" in await greeted_with(house)

        file.write_text(greeting("Southlight Power"))
        await until(lambda: changed(house, good), "the mended version")
        mended = await version(house)
        await until(lambda: lines_at_hand(house, mended), "its lines")
        assert (await flows(house))["problems"] == []
        assert "Southlight Power" in await greeted_with(house)
    finally:
        file.unlink(missing_ok=True)
        await until(lambda: served_again(house, shipped), "the shipped version")


async def changed(house: Installation, before: str) -> bool:
    return await version(house) != before


async def served_again(house: Installation, shipped: str) -> bool:
    return await version(house) == shipped


def complained(house: Installation, line: int) -> bool:
    """By both processes that read flows: the one that serves them and the one that shows them."""
    told = [
        json.loads(text) for text in house.log.splitlines() if '"event": "flow_refused"' in text
    ]
    return {"sip", "web"} <= {one["process"] for one in told if one["line"] == line}

"""Flows published while calls are up, on a whole installation over PostgreSQL."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.drivers.postgres import PrivatePostgres
from tests.peers.faults.phone import Phone, api, calling, get, said, until
from tests.peers.versions.flows import annex, desk

from trunkline.calls.serving import is_in_canary
from trunkline.flows.schema.loader import flow_version

pytestmark = [pytest.mark.peers, pytest.mark.timeout(180)]


def greeting(number: str) -> str:
    """Every test publishes versions that nothing served before, so that logs tell them apart."""
    return desk(f"This is the {number}.", f"The {number} is open at nine.")


async def save(house: Installation, agent: str, text: str) -> None:
    async with api(house) as client:
        saved = await client.put(
            f"/flows/{agent}/draft", json={"text": text}, headers={"if-match": "*"}
        )
        assert saved.status_code == 200, saved.text


async def tell(house: Installation, agent: str, what: str, **body: Any) -> dict[str, Any]:
    async with api(house) as client:
        answer = await client.post(f"/flows/{agent}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


async def publish(house: Installation, agent: str, text: str) -> str:
    """Its version, once every edge serves it: they look twice a second."""
    await save(house, agent, text)
    await tell(house, agent, "publish")
    version = flow_version(text)
    await until(lambda: loads(house, version) >= 2, f"edge and web have {version}")
    return version


def loads(house: Installation, version: str) -> int:
    return sum('"flow_loaded"' in line and version in line for line in house.log.splitlines())


async def test_a_running_call_keeps_its_versions_even_over_a_hand_off(house: Installation) -> None:
    await publish(house, "annex", annex("Annex one."))
    one = await publish(house, "energy", greeting("first"))
    async with calling(house) as first:
        await first.until_detail(lambda call: "the first" in said(call), "the first greeting")
        await publish(house, "annex", annex("Annex two."))
        two = await publish(house, "energy", greeting("second"))
        async with calling(house, user="+441632960777") as second:
            await second.until_detail(lambda call: "the second" in said(call), "the new greeting")
            await second.press("8")
            call = await second.until_detail(lambda call: "Annex" in said(call), "the annex")
            assert call["flow_version"] == two and "Annex two" in said(call)
        await first.press("7")
        await first.until_detail(lambda call: "open at" in said(call), "the hours")
        await first.press("8")
        call = await first.until_detail(lambda call: "Annex" in said(call), "the annex")
    assert call["flow_version"] == one and call["agent"] == "energy"
    assert "The first is open" in said(call) and "Annex one" in said(call)
    shown = house.command("transcript", first.call_id).stdout
    assert "energy" in shown and one in shown and "This is the first." in shown
    assert one in house.command("calls").stdout


async def test_half_of_the_calls_have_the_canary_and_their_ids_say_which(
    house: Installation,
) -> None:
    one, text = await publish(house, "energy", greeting("third")), greeting("fourth")
    two = flow_version(text)
    await save(house, "energy", text)
    await tell(house, "energy", "canary", percent=50)
    await until(lambda: loads(house, two) >= 2, "the canary on the edge")
    had: dict[str, str] = {}
    # Luck of 2 in 65,536 that sixteen ids fall on one side.
    while len(had) < 16 and len(set(had.values())) < 2:
        async with calling(house) as phone:
            call = await phone.until_detail(lambda call: bool(call["flow_version"]), "a version")
        had[phone.call_id] = call["flow_version"]
    assert set(had.values()) == {one, two}
    for call_id, version in had.items():
        assert version == (two if is_in_canary(call_id, two, 50) else one)
    await tell(house, "energy", "canary/stop")


async def test_a_bad_publication_is_refused_and_nothing_changes(house: Installation) -> None:
    fifth = await publish(house, "energy", greeting("fifth"))
    broken = greeting("fifth").replace("next: menu", "next: nowhere", 1)
    await save(house, "energy", broken)
    async with api(house) as client:
        before = (await get(client, "/flows/energy/history", limit=1)).json()
        refused = await client.post("/flows/energy/publish", json={})
        assert refused.status_code == 422
        (finding,) = [f for f in refused.json()["findings"] if f["severity"] == "error"]
        assert finding["line"] == broken[: broken.index("nowhere")].count("\n") + 1
        assert (await client.post("/flows/energy/canary", json={"percent": 5})).status_code == 422
        after = (await get(client, "/flows/energy/history", limit=1)).json()
    assert before == after
    async with calling(house) as phone:
        call = await phone.until_detail(lambda call: "the fifth" in said(call), "the greeting")
    assert call["flow_version"] == fifth


async def test_an_edge_that_starts_without_its_database_serves_what_was_published_last(
    house: Installation, postgres: PrivatePostgres
) -> None:
    sixth = await publish(house, "energy", greeting("sixth"))
    edge, ready = house.child_pid("sip"), house.log.count("calls are taken")
    async with Phone(house, "+441632960555", "127.0.0.1") as phone:
        await phone.note_earlier_calls()
        postgres.stop("immediate")
        try:
            os.kill(edge, signal.SIGKILL)
            await until(lambda: house.log.count("calls are taken") > ready, "calls are taken", 60)
            await phone.invite()
            await phone.until_speaking()
            await phone.until_quiet()
        finally:
            postgres.start()
    call = await phone.until_ended(60)
    assert call["flow_version"] == sixth and "This is the sixth." in said(call)
    assert call["recording"]["state"] == "complete"

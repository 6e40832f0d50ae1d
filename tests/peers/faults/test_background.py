"""A tool in the background of a real call: told into it, and run once when its edge is killed."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.peers.drivers.installation import Installation
from tests.peers.faults.phone import api, calling, get, runs_of, said, until
from tests.peers.faults.test_edge import is_another
from tests.peers.faults.test_flow_files import flows, lines_at_hand
from tests.peers.flows.servers import each_connection

pytestmark = [pytest.mark.peers, pytest.mark.timeout(240)]

FLOW = """
agent: {name: energy, display_name: Letters}
start: send
allow_hosts: ["%s"]
intents: {bye: {label: goodbye, description: The end., examples: [goodbye], goto: bye}}
tools:
  letter:
    description: Send a letter.
    parameters: {type: object, properties: {to: {type: string}}, required: [to]}
    http: {url: "%s/letters", method: POST, body: {to: "{{ to }}"}}
    returns: {type: object, required: [number], properties: {number: {type: string}}}
    idempotency_key: true
    timeout_s: 2
steps:
  send:
    say: I will send it.
    tool: letter
    arguments: {to: Ada}
    save_as: letter
    background: {say: "Your letter is number {{ letter.number | say_digits }}."}
    next: menu
  menu: {say: "What else can I do?", listen: {intents: [bye]}}
  bye: {say: Goodbye., hang_up: done}
"""


class Letters:
    """A service that knows a repetition by its key; while ``closed`` it takes and does not say."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.asked: Counter[str] = Counter()

    def serve(self, connection: Any) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        head = request.partition(b"\r\n\r\n")[0].decode().lower()
        key = next(line for line in head.split("\r\n") if line.startswith("idempotency-key"))
        self.asked[key] += 1
        self.open.wait(60)
        body = orjson.dumps({"number": "7"})
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def version(house: Installation) -> str:
    found = (await flows(house))["flows"]
    return next(str(flow["version"]) for flow in found if flow["agent"] == "energy")


@pytest.fixture
async def letters(house: Installation, agents_dir: Path) -> AsyncIterator[Letters]:
    """The house speaks of letters while a test lasts."""
    service, file, before = Letters(), agents_dir / "energy.yaml", await version(house)
    with each_connection(service.serve) as url:
        try:
            file.write_text(FLOW % (url, url))

            async def is_served() -> bool:
                return await version(house) != before

            await until(is_served, "the flow of letters", 60)
            served = await version(house)
            # The web process sees the file first; calls get it once the edge has its opening.
            await until(lambda: lines_at_hand(house, served), "the edge serves it", 60)
            yield service
        finally:
            service.open.set()
            file.unlink()

            async def is_back() -> bool:
                return await version(house) == before

            await until(is_back, "the shipped flow", 60)


async def test_a_result_comes_into_the_call_and_a_killed_edge_costs_no_second_effect(
    house: Installation, letters: Letters
) -> None:
    async with calling(house) as phone:
        call = await phone.until_detail(
            lambda call: "Your letter is number" in said(call), "the result", 60
        )
        (run,) = runs_of(call, "letter")
        assert (run["outcome"], run["result"], run["is_background"]) == (
            "ok",
            {"number": "7"},
            True,
        )
        assert said(call).index("What else") < said(call).index("Your letter")

    letters.open.clear()
    async with calling(house, user="+441632960998") as phone:
        await phone.until_detail(
            lambda call: any(run["outcome"] == "running" for run in runs_of(call, "letter")),
            "the run",
        )
        await until(lambda: len(letters.asked) == 2, "the worker asks the service")
        edge = house.child_pid("sip")
        os.kill(edge, signal.SIGKILL)
        phone.over.set()  # nobody is left to answer our BYE
        letters.open.set()
        await until(lambda: is_another(house, edge), "the edge is started again", 30)
        call = await phone.until_ended(60)
        assert call["cause"] == "edge_lost"
        async with api(house) as client:
            found = (await get(client, f"/calls/{phone.call_id}")).json()
    (run,) = runs_of(found, "letter")
    assert (run["outcome"], run["result"]) == ("ok", {"number": "7"})
    assert len(letters.asked) == 2, "one key for each call"

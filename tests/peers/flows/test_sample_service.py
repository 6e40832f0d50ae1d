"""The sample service over real HTTP: its books, its faults, whole errands through the runner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.peers.flows.servers import fault, get, serving
from tests.unit.flows.conversation import Conversation

from trunkline.flows.actions import Say, ToolFinished
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.sample_books import SampleBooks
from trunkline.flows.sample_service import create_app
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.tool_runner import ToolContext, ToolRunner
from trunkline.flows.tools import RiskClass

pytestmark = pytest.mark.peers
ACCOUNT = "/accounts/44172908"
KEY = {"Idempotency-Key": "key-1"}


@pytest.fixture
def service_url(tmp_path: Path) -> Iterator[str]:
    with serving(create_app(tmp_path)) as url:
        yield url


@pytest.fixture
def service(service_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service_url, timeout=10) as client:
        yield client


def test_the_accounts_owe_what_they_owe(service: httpx.Client) -> None:
    assert service.get(f"{ACCOUNT}/balance").json()["owed"] == 182.40
    owed = [
        service.get(f"/accounts/{number}/balance").json()["owed"]
        for number in ("44180023", "44195571", "44203316", "44217740")
    ]
    assert owed == [0.0, 67.05, -35.10, 1240.0]
    assert service.get("/accounts/12345678/balance").status_code == 404


def test_readings_survive_a_restart(tmp_path: Path) -> None:
    for reading in ("48261", "48300"):
        with serving(create_app(tmp_path)) as url:
            answer = httpx.post(f"{url}{ACCOUNT}/readings", json={"reading": reading})
            assert answer.status_code == 201
    with serving(create_app(tmp_path)) as url:
        kept = httpx.get(f"{url}{ACCOUNT}/readings").json()["readings"]
    assert [reading["reading"] for reading in kept] == ["48261", "48300"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reading": "48209"}, 409),
        ({"reading": "4826"}, 422),
        ({"reading": 48261}, 422),
        ({"reading": "48261", "more": 1}, 422),
        ({}, 422),
    ],
)
def test_a_reading_that_cannot_be_is_refused(
    service: httpx.Client, body: dict[str, Any], status: int
) -> None:
    assert service.post(f"{ACCOUNT}/readings", json=body).status_code == status
    assert service.get(f"{ACCOUNT}/readings").json() == {"readings": []}


def test_a_payment_needs_a_key_and_happens_once_for_it(service: httpx.Client) -> None:
    body = {"amount": "182.40"}
    assert service.post(f"{ACCOUNT}/payments", json=body).status_code == 422
    for _ in range(3):
        answer = service.post(f"{ACCOUNT}/payments", json=body, headers=KEY)
        assert answer.status_code == 201
    assert len(service.get(f"{ACCOUNT}/payments").json()["payments"]) == 1


def test_faults_are_listed_used_up_in_order_and_cleared(service: httpx.Client) -> None:
    for wanted in ({"kind": "html", "path": "/hours"}, {"kind": "error", "count": 2}):
        assert service.post("/faults", json=wanted).status_code == 201
    assert service.get(f"{ACCOUNT}/balance").status_code == 500
    assert "nginx" in service.get("/hours").text
    assert [fault["count"] for fault in service.get("/faults").json()["faults"]] == [1]
    assert service.delete("/faults").status_code == 204
    assert service.get("/hours").status_code == 200
    assert service.post("/faults", json={"kind": "earthquake"}).status_code == 422


def test_bills_are_due_on_the_first_of_next_month(tmp_path: Path) -> None:
    books = SampleBooks(tmp_path / "books.db")
    assert books.due(date(2026, 11, 21)) == date(2026, 12, 1)
    assert books.due(date(2026, 12, 1)) == date(2027, 1, 1)


class Errand:
    """A conversation whose tools really run."""

    def __init__(self, url: str, tools: ToolRunner) -> None:
        text = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
        self.flow = load_flow(text, environment={"TRUNKLINE_SAMPLE_SERVICE_URL": url})
        self.call = Conversation(self.flow)
        self._tools = tools
        self.call.answer()

    async def run_tool(self) -> None:
        action = self.call.running
        context = ToolContext("call_1", action.idempotency_key, self.call.runner.variables)
        done = await self._tools.run(self.flow.tools[action.tool], action.arguments, context)
        self.call.feed(ToolFinished(action.run_id, done.outcome, done.result))

    @property
    def said(self) -> str:
        return " ".join(action.text for action in self.call.log if isinstance(action, Say))


async def test_errands_have_their_effect_at_the_service(service_url: str) -> None:
    async with ToolRunner() as tools:
        errand = Errand(service_url, tools)
        call = errand.call
        call.caller_wants("balance")
        call.caller_gives(account="44172908")
        await errand.run_tool()
        assert "one hundred and eighty two dollars and forty cents" in errand.said
        call.caller_wants("hours")
        await errand.run_tool()
        assert "We're open from eight o'clock" in errand.said
        call.caller_wants("reading")
        call.caller_gives(reading="48261")
        await errand.run_tool()
        assert "I've recorded your reading" in errand.said
        call.caller_wants("payment")
        await errand.run_tool()
        call.caller_gives(amount="182.40")
        assert errand.flow.tools[call.running.tool].risk is RiskClass.HIGH
        call.tool_is_parked()
        assert "Nothing has been taken yet." in errand.said
    readings = (await get(f"{service_url}{ACCOUNT}/readings"))["readings"]
    assert [reading["reading"] for reading in readings] == ["48261"]
    assert await get(f"{service_url}{ACCOUNT}/payments") == {"payments": []}


@pytest.mark.parametrize("kind", ["error", "html", "nonsense", "huge"])
async def test_a_service_that_is_down_is_spoken_and_the_caller_is_kept(
    service_url: str, kind: str
) -> None:
    await fault(service_url, kind=kind, count=100)
    async with ToolRunner() as tools:
        errand = Errand(service_url, tools)
        errand.call.caller_wants("hours")
        await errand.run_tool()
        assert errand.call.said == ["I'm sorry, that didn't work. Let me try once more."]
        await errand.run_tool()
        assert errand.call.said == [
            "I'm sorry, our system isn't answering right now.",
            "Is there anything else I can help you with?",
        ]


async def test_a_reading_whose_answer_was_lost_is_recorded_once_after_the_flow_tries_again(
    service_url: str,
) -> None:
    await fault(service_url, kind="after", count=2, path="/accounts")
    async with ToolRunner() as tools:
        errand = Errand(service_url, tools)
        errand.call.caller_presses("2")
        errand.call.caller_presses("44172908")
        errand.call.caller_gives(reading="48261")
        await errand.run_tool()
        assert "Let me try once more." in errand.said
        await errand.run_tool()
        assert "I've recorded your reading" in errand.said
    readings = (await get(f"{service_url}{ACCOUNT}/readings"))["readings"]
    assert [reading["reading"] for reading in readings] == ["48261"]

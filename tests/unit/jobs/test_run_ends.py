"""How a run ends where the database, the lease or an earlier try stands in the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from tests.unit.jobs.test_relay import Wall
from tests.unit.jobs.test_tool_runs import RUN, Service, asked, letter, on_record, row
from tests.unit.jobs.test_tool_runs import live as live
from tests.unit.jobs.test_tool_runs import service as service
from tests.unit.storage.facts import after

from trunkline.domain.events import ToolOutcome
from trunkline.flows.tool_runner import ToolRunner
from trunkline.jobs import tool_runs
from trunkline.jobs.tool_runs import run_due_tools
from trunkline.storage.background_runs import BackgroundRuns
from trunkline.storage.database_clock import read_clock
from trunkline.storage.engine import Sessions, is_away
from trunkline.storage.journal import write_facts


class Faltering(Sessions):
    """Refuses so many writing transactions after the first, as a database that restarts does."""

    refuses = 0
    written = 0

    @asynccontextmanager
    async def writing(self, *, durable: bool = False) -> AsyncGenerator[AsyncSession]:
        self.written += 1
        if self.written > 1 and self.refuses:
            self.refuses -= 1
            raise OperationalError("BEGIN", None, Exception("the database restarts"))
        async with super().writing(durable=durable) as session:
            yield session


async def run_all(sessions: Sessions, wall: Wall) -> int:
    async with ToolRunner() as runner:
        return await run_due_tools(sessions, runner, wall)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_runs, "_NOTED_AGAIN_AFTER_S", (0.01, 0.01, 0.01))


@pytest.mark.usefixtures("quickly")
async def test_an_answer_is_noted_as_soon_as_the_database_takes_it(
    live: Sessions, service: Service
) -> None:
    await write_facts(live, asked(letter(service)))
    faltering = Faltering(live.engine)
    faltering.refuses = 3
    assert await run_all(faltering, Wall(after(1))) == 1
    assert service.asked == 1
    assert (await on_record(live)).outcome is ToolOutcome.OK


@pytest.mark.usefixtures("quickly")
async def test_a_run_that_cannot_be_noted_takes_no_other_along(
    live: Sessions, service: Service
) -> None:
    for number in range(3):
        await write_facts(live, asked(letter(service), f"run_{number:020d}"))
    faltering = Faltering(live.engine)
    faltering.refuses = 4  # one more than one run is patient, however they take turns
    assert await run_all(faltering, Wall(after(1))) >= 2
    assert sum(service.effects.values()) == 3


async def test_what_was_tried_before_and_is_too_late_now_is_unknown_and_not_undone(
    live: Sessions, service: Service
) -> None:
    """Its first try may have had its effect: the service did it, and then said 500."""
    service.says.append((500, b"{}"))
    await write_facts(live, asked(letter(service)))
    assert await run_all(live, Wall(after(1))) == 0
    assert service.effects[RUN] == 1
    late = (await row(live)).expires_at + timedelta(seconds=1)
    assert await run_all(live, Wall(late)) == 1
    assert (await on_record(live)).outcome is ToolOutcome.UNKNOWN


async def test_what_a_dead_worker_held_takes_no_place_of_another(live: Sessions) -> None:
    nowhere = Service(url="http://127.0.0.1:9")
    for number in range(4):
        await write_facts(live, asked(letter(nowhere), f"run_{number:020d}"))
    async with live.writing() as session:
        runs = BackgroundRuns(session)
        assert len(await runs.claim(after(1), 2, holder="dead")) == 2
        assert await runs.claim(after(1), 2, holder="dead") == []
        assert len(await runs.claim(after(1), 2, holder="deadly")) == 2


async def test_the_databases_clock_goes_on_while_the_time_of_day_is_set(live: Sessions) -> None:
    machine = Wall(after(0))
    clock = await read_clock(live, machine)
    shown = clock.now()
    machine.at += timedelta(seconds=5)
    assert clock.now() - shown == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("exc", "away"),
    [
        (OperationalError("x", None, Exception()), True),
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (ValueError(), False),
    ],
)
def test_what_may_succeed_when_it_is_tried_again_is_told_from_what_will_not(
    exc: Exception, away: bool
) -> None:
    assert is_away(exc) is away

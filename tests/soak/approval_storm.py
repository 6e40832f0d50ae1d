"""A storm of approvals: callers ask on edges, people decide over HTTP, and everything is killed.

``storm`` runs one from a seed and returns what came of it; ``approval_reckoning`` judges that.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.peers.drivers.postgres import PrivatePostgres
from tests.peers.drivers.redis import PrivateRedis
from tests.soak.approval_cases import OPEN_STATES, Case, Story, draw
from tests.soak.approval_house import House, house
from tests.soak.approval_kills import Kills
from tests.soak.approval_ledger import Ledger
from tests.soak.approval_people import Ack, People, hire
from tests.soak.approval_rest import end_leases, restlessness

from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.migrate import upgrade_to_head

LOOK_S: Final = 0.5
ASKED_WITHIN_S: Final = 180.0
ASKS_AFTER_S: Final = 10.0
CLOSED_WITHIN_S: Final = 45.0
LINK_WITHIN_S: Final = 60.0
_UNKNOWN_SETTLED: Final = 0.6  # of those of which nobody knows, a person finds out so many


@dataclass(frozen=True, slots=True)
class Plan:
    """``calm``: so many are decided first, with nothing killed, for the figure of how fast it is.

    ``kill_every_s``: the mean time between two faults; ``once_each``: each fault once instead.
    ``minutes``: nothing is asked after so many, where that is not 0.
    ``leases_end``: what dead workers held is free at the end, without waiting for their leases.
    """

    approvals: int
    seed: int
    at_once: int = 120
    edges: int = 3
    calm: int = 0
    kill_every_s: float = 8.0
    once_each: bool = False
    leases_end: bool = False
    minutes: float = 0.0
    settle_within_s: float = 900.0


@dataclass
class Told:
    """What an edge has said of one case."""

    approval_id: str = ""
    call_id: str = ""
    edge: int = 0
    life: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Outcome:
    """Everything the reckoning needs, and what the storm was like."""

    plan: Plan
    house: House
    webhook_id: str
    acks: list[Ack]
    answers: dict[str, int]
    faults: Counter[str]
    kinds: Counter[str]
    troubles: list[str]
    took_s: float = 0.0
    settled_s: float = 0.0
    lost_with_their_edge: int = 0
    decided_to_effect_ms: list[float] = field(default_factory=list)
    left_unknown: set[str] = field(default_factory=set)


class Storm:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = random.Random(plan.seed)
        self.kinds: Counter[str] = Counter()
        self.troubles: list[str] = []
        self.lost = 0
        self._told: dict[int, Told] = {}
        self._open: dict[str, dict[str, Any]] = {}
        self._looked = asyncio.Condition()
        self._number = 0
        self._settling: set[str] = set()
        self.left_unknown: set[str] = set()
        self.house: House
        self.ledger: Ledger
        self.people: People

    # ---- what edges say ----------------------------------------------------------------------

    def on_line(self, edge: int, line: dict[str, Any]) -> None:
        told = self._told.get(line.get("case", -1))
        if told is not None and "parked" in line:
            told.approval_id = line["parked"]["approval_id"]
            told.call_id = line["call_id"]
            told.asked.set()

    # ---- one case ----------------------------------------------------------------------------

    async def one(self) -> None:
        """Until its approval is closed; a question that was lost with its edge is asked anew."""
        self._number += 1
        case = draw(self._number, self.rng)
        try:
            while (asked := await self._ask(case)) is None:
                self.lost += 1
                self._number += 1
                case = draw(self._number, self.rng)
        except TimeoutError:
            self.troubles.append(f"{case}: nobody answered for too long")
            return
        self.kinds[case.kind] += 1
        try:
            async with asyncio.timeout(600):
                await Story(case, self.people, _Caller(self, case, asked), asked).play()
                await self._until(asked["approval_id"], CLOSED_WITHIN_S)
        except (AssertionError, TimeoutError) as exc:
            self.troubles.append(f"{case.kind} {asked['approval_id']}: {type(exc).__name__} {exc}")
        self._told.pop(case.number, None)

    async def _ask(self, case: Case) -> dict[str, Any] | None:
        """The approval as it is first seen; None when it died with its edge."""
        number = self.rng.randrange(len(self.house.edges))
        edge = self.house.edges[number]
        told = self._told[case.number] = Told(edge=number, life=len(edge.groups))
        line = {"do": "ask", "case": case.number, "tool": case.tool, "account": case.account}
        if not edge.send({**line, "amount": case.amount}):
            await asyncio.sleep(LOOK_S)
            return None
        try:
            async with asyncio.timeout(10):
                await told.asked.wait()
        except TimeoutError:
            return None
        return await self._first_sight(told, edge.name)

    async def _first_sight(self, told: Told, name: str) -> dict[str, Any] | None:
        until = time.monotonic() + ASKED_WITHIN_S
        asked_at = time.monotonic()
        while time.monotonic() < until:
            if (found := self._open.get(told.approval_id)) is not None:
                return found
            has_died = len(self.house.edges[told.edge].groups) > told.life
            await self._next_look()
            # It may have come and gone between two looks; but nobody asks for each one each time.
            if told.approval_id not in self._open and time.monotonic() > asked_at + ASKS_AFTER_S:
                asked_at = time.monotonic()
                answer = await self._reader.get(f"/approvals/{told.approval_id}")
                if answer.status_code == 200:
                    return dict(answer.json())
                if has_died:
                    return None
        self.troubles.append(f"{told.approval_id} of {name} never reached the database")
        return None

    # ---- what the inbox shows ------------------------------------------------------------------

    @property
    def _reader(self) -> Any:
        """Anybody: a key may ask fifty times a second."""
        return self.rng.choice([*self.people.supervisors, *self.people.managers])

    async def look(self) -> None:
        """The inbox, as a person who waits reads it; and people who find out about the unknown."""
        while True:
            page = (await self.people.viewer.get("/approvals", limit=200)).json()
            self._open = {one["approval_id"]: one for one in page}
            async with self._looked:
                self._looked.notify_all()
            for one in page:
                if one["state"] == "unknown" and one["approval_id"] not in self._settling:
                    self._settling.add(one["approval_id"])
                    await self._find_out(one)
            await asyncio.sleep(LOOK_S)

    async def _find_out(self, one: dict[str, Any]) -> None:
        """A manager looks at the service's own books and says what became of it."""
        if self.rng.random() > _UNKNOWN_SETTLED and len(self.left_unknown) < 60:
            self.left_unknown.add(one["approval_id"])
            return
        is_done = self.ledger.read().effects_of(one["approval_id"], one["arguments"]["account"])
        await self.rng.choice(self.people.managers).act(
            one["approval_id"], "settle", settled_as="done" if is_done else "failed",
            reason="looked it up at the service",
        )  # fmt: skip

    async def _next_look(self) -> None:
        async with self._looked:
            await self._looked.wait()

    async def _until(self, approval_id: str, deadline_s: float) -> None:
        """Closed; or it takes longer, which the end of the storm waits for."""
        try:
            async with asyncio.timeout(deadline_s):
                is_open = True
                while is_open:
                    await self._next_look()
                    state = self._open.get(approval_id, {}).get("state", "unknown")
                    is_open = state != "unknown"
        except TimeoutError:
            pass

    async def until_state(self, approval_id: str, states: Sequence[str]) -> dict[str, Any]:
        """As it is once it is in one of ``states``, or no longer open."""
        async with asyncio.timeout(240):
            while True:
                now = self._open.get(approval_id) or await self.sees(approval_id)
                if now["state"] in states or now["state"] not in OPEN_STATES:
                    return now
                await self._next_look()

    async def sees(self, approval_id: str) -> dict[str, Any]:
        document: dict[str, Any] = (await self._reader.get(f"/approvals/{approval_id}")).json()
        return document

    # ---- all of it -----------------------------------------------------------------------------

    async def calm(self) -> list[float]:
        """Milliseconds from a grant's 200 to its effect, one after the other, nothing killed."""
        taken: list[float] = []
        for _ in range(self.plan.calm):
            self._number += 1
            case = draw(self._number, self.rng, {"grant": 1})
            case = Case(case.number, "calm", "pay", f"0{case.number:07d}", case.amount, case.seed)
            asked = await self._ask(case)
            assert asked is not None
            person = self.rng.choice(self.people.supervisors)
            status, _ = await person.act(
                asked["approval_id"], "grant", seen_hash=asked["arguments_hash"]
            )
            at_s = time.monotonic()
            assert status == 200
            async with asyncio.timeout(30):
                while not (done := self.ledger.read().at_of(asked["approval_id"])):
                    await asyncio.sleep(0.05)
            taken.append((done - at_s) * 1000)
            self.kinds["calm"] += 1
        return taken

    async def all(self) -> None:
        places = asyncio.Semaphore(self.plan.at_once)
        until = time.monotonic() + self.plan.minutes * 60

        async def one() -> None:
            async with places:
                if not self.plan.minutes or time.monotonic() < until:
                    await self.one()

        async with asyncio.TaskGroup() as group:
            for _ in range(self.plan.approvals - self.plan.calm):
                group.create_task(one())


@dataclass(frozen=True, slots=True)
class _Caller:
    storm: Storm
    case: Case
    asked: dict[str, Any]

    def does(self, what: str) -> None:
        told = self.storm._told[self.case.number]
        self.storm.house.edges[told.edge].send({"do": what, "case": self.case.number})

    async def until_state(self, *states: str) -> dict[str, Any]:
        return await self.storm.until_state(self.asked["approval_id"], states)

    async def sees(self) -> dict[str, Any]:
        return await self.storm.sees(self.asked["approval_id"])

    async def link_of(self, user: str) -> str:
        """The token that the webhook brought for this user; empty when none came in time."""
        wanted = (self.asked["approval_id"], self.asked["arguments_hash"], user)
        try:
            async with asyncio.timeout(LINK_WITHIN_S):
                while not (token := self.storm.ledger.read().links.get(wanted)):
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return ""
        return token


async def storm(
    plan: Plan,
    folder: Path,
    redis: PrivateRedis,
    postgres: PrivatePostgres | None,
    database_url: str,
) -> Outcome:
    """Run it, let everything come to rest, and hand over what there is to judge."""
    await upgrade_to_head(database_url)
    sessions = open_sessions(database_url)
    running = Storm(plan)
    try:
        async with house(
            folder, redis, postgres, database_url, running.on_line, edges=plan.edges
        ) as built:
            running.house = built
            running.ledger = Ledger(built.service_log)
            running.people, webhook_id = await hire(
                sessions, built.web_url, f"{built.service_url}/hooks"
            )
            for person in running.people.dashboards:
                await person.log_in()
            outcome = Outcome(
                plan, built, webhook_id, running.people.acks, running.people.answers,
                Counter(), running.kinds, running.troubles, left_unknown=running.left_unknown,
            )  # fmt: skip
            looking = asyncio.get_running_loop().create_task(running.look())
            try:
                outcome.decided_to_effect_ms = await running.calm()
                began_s = time.monotonic()
                await _under_fire(plan, running, built, outcome)
                outcome.took_s = time.monotonic() - began_s
                await _at_rest(plan, sessions, built, outcome)
                outcome.settled_s = time.monotonic() - began_s - outcome.took_s
            finally:
                looking.cancel()
                await asyncio.wait([looking])
                await running.people.close()
            if not looking.cancelled() and looking.exception() is not None:
                running.troubles.append(f"nobody looked any more: {looking.exception()!r}")
            outcome.lost_with_their_edge = running.lost
            for one in built.processes:
                status = await one.stop()
                if status not in (0, -15):
                    running.troubles.append(f"{one.name} ended with {status}")
            leaked = {one.name: one.leaked() for one in built.processes}
            running.troubles.extend(f"{n} left {pids} behind" for n, pids in leaked.items() if pids)
            return outcome
    finally:
        await sessions.close()


async def _under_fire(plan: Plan, running: Storm, built: House, outcome: Outcome) -> None:
    kills = Kills(built, random.Random(plan.seed + 1), outcome.faults, outcome.troubles)
    firing = asyncio.get_running_loop().create_task(
        kills.once_each() if plan.once_each else kills.every(plan.kill_every_s)
    )
    try:
        await running.all()
        if plan.once_each:
            await firing
    finally:
        firing.cancel()
        await asyncio.wait([firing])
        if not firing.cancelled() and firing.exception() is not None:
            outcome.troubles.append(f"the faults ended: {firing.exception()!r}")
    await kills.mend()


async def _at_rest(plan: Plan, sessions: Sessions, built: House, outcome: Outcome) -> None:
    """Edges end their calls; then nothing is open, under way or unsent any more."""
    for edge in built.edges:
        status = await edge.stop()
        if status != 0:
            outcome.troubles.append(f"{edge.name} ended with {status}")
    # What an edge left in its spool is written by the one that comes after it.
    for edge in built.edges:
        await edge.start()
    if plan.leases_end:
        await end_leases(sessions)
    left: dict[str, int] = {}
    try:
        async with asyncio.timeout(plan.settle_within_s):
            while left := await restlessness(sessions):
                await asyncio.sleep(1)
    except TimeoutError:
        outcome.troubles.append(f"it does not come to rest: {left}")


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """p50 and p95."""
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]

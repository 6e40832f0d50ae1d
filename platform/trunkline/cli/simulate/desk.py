"""Whom a simulated call asks: people as declared, deciding by the real rules on the call's clock.

Escalation and expiry come of the tool's own policy. What is granted is run at once, under the
approval's id, by the simulation's tools; news go to the call as they would from a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from trunkline.calls.control import ApprovalNews, ToolResult
from trunkline.cli.simulate.simulation import Decision, Verdict
from trunkline.cli.simulate.text_tools import SimulatedTools
from trunkline.domain.approval import CLOSED, OPEN, Approval, ApprovalState, Deed, Person
from trunkline.domain.approval_json import read_policy, read_role
from trunkline.domain.approval_rules import Act, decide, due, next_due_at
from trunkline.domain.clock import Clock
from trunkline.domain.errors import TrunklineError
from trunkline.domain.events import ApprovalParked, ApprovalWithdrawn, CallFact
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_slip import read_slip
from trunkline.runtime.logging import get_logger
from trunkline.storage.approval_values import deed_of
from trunkline.storage.background_runs import RunEnd

log = get_logger(__name__)

_NEWS_S: Final = 0.3  # from a decision to the call: a worker's and Redis's time


class SimulatedDesk:
    """The sink of the call's facts; ``serve`` decides until it is cancelled.

    Each question takes the next of ``decisions``; after the last one nobody decides.
    """

    def __init__(
        self,
        decisions: tuple[Decision, ...],
        tools: SimulatedTools,
        clock: Clock,
        tell: Callable[[ApprovalNews | ToolResult], None],
    ) -> None:
        self._decisions = list(decisions)
        self._tools = tools
        self._clock = clock
        self._tell = tell
        self._asked: asyncio.Queue[ApprovalParked] = asyncio.Queue(maxsize=100)
        self._withdrawn: set[str] = set()

    def publish(self, fact: CallFact) -> None:
        match fact:
            case ApprovalParked():
                self._asked.put_nowait(fact)
            case ApprovalWithdrawn():
                self._withdrawn.add(fact.approval_id)
            case _:
                pass

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                fact = await self._asked.get()
                tasks.create_task(self._one(fact), name=f"ask-{fact.approval_id}")

    async def _one(self, fact: ApprovalParked) -> None:
        decision = self._decisions.pop(0) if self._decisions else Decision(Verdict.NOBODY)
        now = self._clock.now()
        asked = Approval(
            approval_id=fact.approval_id,
            tool=fact.tool,
            arguments=fact.arguments,
            arguments_hash=fact.arguments_hash,
            policy=read_policy(fact.policy),
            asked_at=now,
            level_since=now,
        )
        decided_at = now + timedelta(seconds=decision.after_s)
        while asked.state in OPEN:
            await asyncio.sleep(0.1)
            before, now = asked.state, self._clock.now()
            if fact.approval_id in self._withdrawn:
                asked = decide(asked, Act(Deed.ABANDON, reason="the caller left it"), now)
            elif decision.verdict is not Verdict.NOBODY and now >= decided_at:
                asked = self._decided(asked, decision)
                decision = replace(decision, verdict=Verdict.NOBODY)
            elif (next_at := next_due_at(asked)) is not None and now >= next_at:
                act = due(asked, now)
                asked = decide(asked, act, now) if act is not None else asked
            if asked.state is not before:  # a reminder is no news to the caller
                await self._news(fact, asked)
        if asked.state is ApprovalState.GRANTED:
            await self._run(fact, asked)

    def _decided(self, asked: Approval, decision: Decision) -> Approval:
        """As declared; what the rules do not allow is told, and nobody decides."""
        now, person = self._clock.now(), Person("simulated", read_role(decision.role))
        try:
            if decision.edit:
                arguments = {**asked.arguments, **decision.edit}
                act = Act(
                    Deed.EDIT,
                    person,
                    seen_hash=asked.arguments_hash,
                    arguments=arguments,
                    arguments_hash=f"{asked.arguments_hash}-edited",
                )
                asked = decide(asked, act, now)
            deed = Deed.GRANT if decision.verdict is Verdict.GRANTED else Deed.REFUSE
            act = Act(deed, person, seen_hash=asked.arguments_hash, reason="as simulated")
            return decide(asked, act, now)
        except TrunklineError as exc:
            log.warning("the simulated person may not decide so", code=exc.code)
            return asked

    async def _run(self, fact: ApprovalParked, granted: Approval) -> None:
        begun = decide(granted, Act(Deed.BEGIN), self._clock.now())
        context = ToolContext(fact.call_id, fact.approval_id, fact.variables)
        ran = await self._tools.run(read_slip(fact.slip), dict(begun.arguments), context)
        end = RunEnd(ran.outcome, ran.result, ran.duration_ms, ran.attempts)
        ended = decide(begun, Act(deed_of(end), result=end.result), self._clock.now())
        assert ended.state in CLOSED
        await self._news(fact, ended)
        self._tell(
            ToolResult(
                fact.call_id, fact.run_id, end.outcome, end.result, end.duration_ms, end.attempts
            )
        )

    async def _news(self, fact: ApprovalParked, one: Approval) -> None:
        await asyncio.sleep(_NEWS_S)
        self._tell(
            ApprovalNews(
                call_id=fact.call_id,
                approval_id=fact.approval_id,
                run_id=fact.run_id,
                state=one.state.value,
                revision=one.revision,
                reason=one.reason,
                result=one.result,
                arguments=one.arguments,
            )
        )

"""Tools of one call that a person is asked about: asked once, and told as often as it takes.

Nothing is run from here. A grant is written down as a run where it is stored, under the approval's
own id; the call hears what has become of it, says so, and acknowledges what it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trunkline.calls.bridge import CallClock
from trunkline.calls.control import ApprovalNews, ToolResult
from trunkline.calls.record import CallRecord
from trunkline.domain.approval import CLOSED, OPEN, ApprovalState, binding_hash
from trunkline.domain.approval_json import write_policy
from trunkline.domain.events import (
    ApprovalHeard,
    ApprovalParked,
    ApprovalWithdrawn,
    Json,
    ToolOutcome,
    ToolRan,
)
from trunkline.domain.ids import ApprovalId, ToolRunId, new_approval_id
from trunkline.flows.actions import ApprovalChanged, ParkTool, ToolFinished
from trunkline.flows.flow import Flow
from trunkline.flows.tool_slip import variables_read, write_slip
from trunkline.flows.tool_validation import invalid_arguments
from trunkline.flows.tools import ToolError
from trunkline.runtime.telemetry import TOOL_RUNS


@dataclass(slots=True)
class _Parked:
    """What was asked; ``arguments`` and ``revision`` are the newest that are known."""

    action: ParkTool
    approval_id: ApprovalId
    at_ms: int
    step: str
    arguments: Mapping[str, Json]
    revision: int = 0
    state: ApprovalState = ApprovalState.ASKED


class ParkedTools:
    def __init__(
        self,
        record: CallRecord,
        call_clock: CallClock,
        tell: Callable[[ToolFinished | ApprovalChanged], None],
    ) -> None:
        self._record = record
        self._call_clock = call_clock
        self._tell = tell
        self._parked: dict[str, _Parked] = {}

    @property
    def is_pending(self) -> bool:
        """Something that was asked for is not done, and may never be."""
        return any(one.state not in CLOSED for one in self._parked.values())

    def park(self, flow: Flow, action: ParkTool, variables: Mapping[str, Json]) -> None:
        """Ask; what could not be run if it were granted is not asked, and fails at once."""
        parked = _Parked(
            action,
            new_approval_id(),
            self._call_clock.now_ms,
            self._record.step,
            action.arguments,
        )
        spec = flow.tools.get(action.tool)
        error = (
            ToolError("unknown_tool", "the flow has no tool of that name")
            if spec is None
            else invalid_arguments(spec.parameters, action.arguments)
        )
        if spec is None or error is not None:
            result = error.as_json() if error is not None else None
            self._note(parked, ToolOutcome.INVALID, result)
            self._tell(ToolFinished(action.run_id, ToolOutcome.INVALID, result))
            return
        policy = write_policy(action.policy)
        self._parked[action.run_id] = parked
        self._record.publish(
            ApprovalParked(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=parked.at_ms,
                approval_id=parked.approval_id,
                run_id=ToolRunId(action.run_id),
                tool=action.tool,
                arguments=action.arguments,
                arguments_hash=binding_hash(action.tool, action.arguments, flow.version, policy),
                flow_version=flow.version,
                step=parked.step,
                question=action.question,
                is_verified=action.is_verified,
                policy=policy,
                slip=write_slip(spec),
                variables=variables_read(spec, variables),
                may_repeat=spec.may_retry,
                worst_case_ms=spec.worst_case_ms,
            )
        )
        pending = {"status": "pending", "approval_id": parked.approval_id}
        self._note(parked, ToolOutcome.PARKED, pending)
        self._tell(ToolFinished(action.run_id, ToolOutcome.PARKED, pending))

    def withdraw(self, run_id: str) -> None:
        """The caller wants something else; whether it was in time is heard as news."""
        parked = self._parked.get(run_id)
        if parked is not None:
            self._record.publish(
                ApprovalWithdrawn(
                    call_id=self._record.call_id,
                    at=self._record.clock.now(),
                    at_ms=self._call_clock.now_ms,
                    approval_id=parked.approval_id,
                    run_id=ToolRunId(run_id),
                )
            )

    def withdraw_all(self) -> None:
        """A person has the call: what nobody has decided is theirs to settle in another way."""
        for run_id, parked in self._parked.items():
            if parked.state in OPEN:
                self.withdraw(run_id)

    def take_news(self, news: ApprovalNews) -> bool:
        """Known from here on, and acknowledged each time; told to the flow once, in order.

        False when this call has asked no such thing.
        """
        parked = self._parked.get(news.run_id)
        if parked is None or parked.approval_id != news.approval_id:
            return False
        self._record.publish(
            ApprovalHeard(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=self._call_clock.now_ms,
                approval_id=news.approval_id,
                run_id=ToolRunId(news.run_id),
                revision=news.revision,
                state=news.state,
            )
        )
        if news.revision > parked.revision:
            parked.revision, parked.arguments = news.revision, news.arguments
            parked.state = ApprovalState(news.state)
            self._tell(
                ApprovalChanged(
                    run_id=news.run_id,
                    state=parked.state,
                    revision=news.revision,
                    arguments=news.arguments,
                    result=news.result,
                    reason=news.reason,
                )
            )
        return True

    def take_result(self, result: ToolResult) -> bool:
        """How the run of a granted call went, for the record; the flow hears it as news."""
        parked = self._parked.get(result.run_id)
        if parked is None:
            return False
        self._note(
            parked,
            result.outcome,
            result.result,
            result.duration_ms,
            result.attempts,
            is_background=True,
        )
        return True

    def _note(
        self,
        parked: _Parked,
        outcome: ToolOutcome,
        result: Json,
        duration_ms: int = 0,
        attempts: int = 0,
        *,
        is_background: bool = False,
    ) -> None:
        if not is_background:
            TOOL_RUNS.labels(outcome=outcome.value).inc()
        self._record.publish(
            ToolRan(
                call_id=self._record.call_id,
                at=self._record.clock.now(),
                at_ms=parked.at_ms,
                run_id=ToolRunId(parked.action.run_id),
                tool=parked.action.tool,
                arguments=parked.arguments,
                outcome=outcome,
                result=result,
                duration_ms=duration_ms,
                attempts=attempts,
                step=parked.step,
                is_background=is_background,
            )
        )

"""A person is asked: what the flow says and takes until it is known what has come of it.

Nothing is asked twice: while a question of a tool's is open in a call, the call comes back to that
one, and what was asked with other arguments is taken back before anything new is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from trunkline.domain.approval import CLOSED, UNDER_WAY, ApprovalState, WhenCallerLeaves
from trunkline.domain.events import Json
from trunkline.flows.actions import ApprovalChanged, HangUpReason, ParkTool, WithdrawApproval
from trunkline.flows.approval import ApprovalPlan
from trunkline.flows.identity import is_identified
from trunkline.flows.steps import Fallback, Line, ToolStep, WaitPlan
from trunkline.flows.tools import RiskClass
from trunkline.flows.walk import FlowFault, Mode, News, Question, ToolTurn, Walk

NOT_DONE: Final = {
    "status": "pending",
    "message": "A person has to decide this first. It is not done yet: never say that it is.",
}
"""What an engine is told that asks, or that called the tool."""
_LATE: Final = timedelta(seconds=30)
"""News that come so long after their time do not come any more."""
_RUN: Final = timedelta(seconds=60)
_MOST_REMEMBERED: Final = 32


def park(walk: Walk, turn: ToolTurn, arguments: Mapping[str, Json], key: str) -> ParkTool | None:
    """The question to a person, as the author's plan has it; None: nobody is to be asked."""
    tool = turn.tool
    if tool.risk is not RiskClass.HIGH:
        return None
    plan = tool.approval or ApprovalPlan()
    is_verified = is_identified(walk)
    tries = walk.tries.get(tool.name, 0)
    policy = plan.policy_for(arguments, tries=tries, is_verified=is_verified)
    if policy is None:
        return None
    walk.tries[tool.name] = tries + 1
    scope = {**walk.memory.scope, **arguments}
    question = plan.question.render(scope) if plan.question is not None else tool.description
    walk.questions[turn.run_id] = Question(
        turn=turn,
        policy=policy,
        arguments=arguments,
        flow=walk.flow,
        variables=walk.memory.variables,
        overdue_at=walk.now() + policy.expires_after + _LATE,
    )
    return ParkTool(turn.run_id, tool.name, arguments, key, question, is_verified, policy)


def open_question(walk: Walk, step: ToolStep) -> Question | None:
    """What is asked already for this step's tool, and not settled."""
    for question in walk.questions.values():
        if question.turn.step is not None and question.turn.tool.name == step.tool.name:
            return question
    return None


def resume(walk: Walk, step: ToolStep, question: Question, same: str) -> None:
    """Back to what is asked already; with other arguments that is taken back first."""
    plan = _plan(step)
    walk.mode, walk.waiting = Mode.APPROVAL, question.turn.run_id
    walk.say(plan.not_yet)
    if same == question.turn.arguments_key:
        question.after = None
    elif question.state not in UNDER_WAY:
        _take_back(walk, question, step.name)
    walk.listen()


def begin(walk: Walk, turn: ToolTurn, step: ToolStep, plan: WaitPlan) -> None:
    """The question is on its way: say so, and wait."""
    walk.mode, walk.waiting = Mode.APPROVAL, turn.run_id
    _keep_arguments(walk, walk.questions[turn.run_id])
    walk.say(plan.lines)
    walk.listen()


def changed(walk: Walk, event: ApprovalChanged) -> str | None:
    """News; what is known already, or came out of order, changes nothing."""
    question = walk.questions.get(event.run_id)
    if question is None or event.revision <= question.revision:
        return None
    before, question.state = question.state, event.state
    question.revision, question.arguments = event.revision, event.arguments
    _keep_arguments(walk, question)
    if event.state in CLOSED:
        return _closed(walk, question, event.result)
    if event.state in UNDER_WAY:
        run_ms = question.turn.tool.worst_case_ms
        question.overdue_at = walk.now() + timedelta(milliseconds=run_ms) + _RUN
    plan = _waited_for(walk, question)
    lines: tuple[Line, ...] = ()
    if plan is not None and before not in UNDER_WAY and event.state in UNDER_WAY:
        lines = plan.granted
    elif plan is not None and event.state is ApprovalState.ESCALATED and before is not event.state:
        lines = plan.escalated
    if lines:  # what is not spoken of is no word to somebody who waits for one
        walk.say(lines)
        walk.listen()
    return None


def silent(walk: Walk) -> str | None:
    """Nobody spoke for a while: a word, or an end when no news will come."""
    question = _question(walk)
    plan = _plan(question.turn.step)
    if question.after is not None:
        question.waits += 1
        if question.waits > 1:  # nobody confirms: go on, and ask nothing anew until it is known
            walk.waiting = None
            return question.after
    if walk.now() >= question.overdue_at:
        walk.waiting = None
        return _take(walk, plan.outcomes[ApprovalState.UNKNOWN])
    if plan.idle:
        line = plan.idle[min(question.idles, len(plan.idle) - 1)]
        question.idles += 1
        walk.say((line,), remembers=False)
    walk.listen()
    return None


def asked_about(walk: Walk) -> None:
    """The caller wants to know how it stands."""
    walk.say(_plan(_question(walk).turn.step).not_yet)
    walk.listen()


def leave(walk: Walk, goto: str) -> str | None:
    """The caller wants something else: what nobody has decided is taken back before."""
    question = _question(walk)
    if question.policy.when_caller_leaves is WhenCallerLeaves.KEEP:
        walk.waiting = None
        return goto
    if question.state in UNDER_WAY:  # too late: it is being done
        walk.say(_plan(question.turn.step).not_yet)
    else:
        _take_back(walk, question, goto)
    walk.listen()
    return None


def _take_back(walk: Walk, question: Question, goto: str) -> None:
    question.after, question.waits = goto, 0
    walk.script.add(WithdrawApproval(question.turn.run_id))


def _closed(walk: Walk, question: Question, result: Json) -> str | None:
    turn, step = question.turn, question.turn.step
    walk.questions.pop(turn.run_id)
    walk.parked.discard(turn.arguments_key)
    is_done = question.state is ApprovalState.DONE
    plan = _waited_for(walk, question)
    if is_done and step is not None and step.save_as:
        question.variables[step.save_as] = result
    if step is None or step.wait is None:
        walk.answers[turn.arguments_key] = _answer(question.state, result)
        if len(walk.answers) > _MOST_REMEMBERED:
            walk.answers.pop(next(iter(walk.answers)))
        return None
    outcome = _outcome(step, step.wait, question.state)
    if plan is None:
        is_told = question.flow is walk.flow and question.state is not ApprovalState.ABANDONED
        if is_told and (outcome.lines or outcome.goto):
            walk.news.append(News(step.name, outcome, question.variables))
        return None
    walk.waiting = None
    if question.state is ApprovalState.ABANDONED and question.after is not None:
        return question.after
    return step.next if is_done else _take(walk, outcome)


def _take(walk: Walk, outcome: Fallback) -> str | None:
    walk.mode = Mode.LISTENING
    return walk.take(outcome, HangUpReason.DONE)


def _outcome(step: ToolStep, plan: WaitPlan, state: ApprovalState) -> Fallback:
    if state is ApprovalState.DONE:
        return Fallback(goto=step.next)
    return plan.outcomes.get(state, plan.outcomes[ApprovalState.EXPIRED])


def _answer(state: ApprovalState, result: Json) -> Json:
    """What an engine gets that asks for the same once more."""
    if state is ApprovalState.DONE:
        return {"status": "done", "result": result}
    if state is ApprovalState.UNKNOWN:
        return {"status": "unknown", "message": "Nobody can say whether it was done."}
    return {"status": state.value, "message": "It was not done."}


def _keep_arguments(walk: Walk, question: Question) -> None:
    step = question.turn.step
    if step is not None and step.wait is not None and step.wait.arguments_as:
        question.variables[step.wait.arguments_as] = dict(question.arguments)


def _waited_for(walk: Walk, question: Question) -> WaitPlan | None:
    """How the call waits for it here and now; None: it is somewhere else."""
    if walk.mode is not Mode.APPROVAL or walk.waiting != question.turn.run_id:
        return None
    return _plan(question.turn.step)


def _question(walk: Walk) -> Question:
    question = walk.questions.get(walk.waiting or "")
    if question is None:
        raise FlowFault("nobody was asked")
    return question


def _plan(step: ToolStep | None) -> WaitPlan:
    if step is None or step.wait is None:
        raise FlowFault("the step does not wait")
    return step.wait

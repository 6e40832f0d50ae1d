"""Tools in the background: the call goes on, and hears of them when nobody is speaking."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.actions import Background, BackgroundFinished, RunTool
from trunkline.flows.steps import BackgroundPlan, CollectStep, Line, SayStep, ToolStep, scope_of
from trunkline.flows.walk import BackgroundRun, Mode, News, Walk


def start(walk: Walk, step: ToolStep, plan: BackgroundPlan, arguments: Mapping[str, Json]) -> str:
    """Have it run, and go on at once; the same again while it runs is not run twice."""
    key = orjson.dumps([step.tool.name, arguments], option=orjson.OPT_SORT_KEYS, default=str)
    same = key.decode()
    walk.say(step.lines)
    if all(run.arguments_key != same for run in walk.background.values()):
        run_id = walk.mint()
        walk.background[run_id] = BackgroundRun(step, same, walk.flow, walk.memory.variables)
        walk.script.add(
            RunTool(
                run_id, step.tool.name, arguments, run_id, background=Background(plan.within_ms)
            )
        )
    return step.next


def finished(walk: Walk, event: BackgroundFinished) -> None:
    """Keep the result where the step stood; what it leads to waits for the floor."""
    run = walk.background.pop(event.run_id, None)
    if run is None or run.step.background is None:
        return  # told before
    plan = run.step.background
    is_done = event.outcome is ToolOutcome.OK
    if is_done and run.step.save_as:
        run.variables[run.step.save_as] = event.result
    what = plan.done if is_done else plan.failed
    if run.flow is walk.flow and (what.lines or what.goto):
        walk.news.append(News(run.step.name, what, run.variables))


def can_tell(walk: Walk) -> bool:
    """Whether something is to be told, and the call is at a place where it can be."""
    if not walk.news or walk.mode is not Mode.LISTENING:
        return False
    goto = walk.news[0].what.goto
    if goto is None:
        return True
    # Nobody is led away from a question, or out of a sub-flow.
    return isinstance(walk.step, SayStep) and scope_of(goto) == scope_of(walk.step.name)


def tell(walk: Walk) -> str | None:
    """Say what has come of it; then on, or back to where the caller was."""
    if not can_tell(walk):
        return None
    news = walk.news.popleft()
    walk.script.say(news.what.lines, news.variables, remembers=False)
    if news.what.goto is not None:
        return news.what.goto
    slot = walk.open_slot()
    if isinstance(walk.step, CollectStep) and slot is not None and not slot.is_keypad_only:
        walk.ask_engine()
        return None
    if slot is not None:
        walk.say((Line(slot.ask),), remembers=False)
    walk.listen()
    return None

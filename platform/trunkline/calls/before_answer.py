"""What a flow wants to know before the call is answered, fetched while the caller hears ringing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from trunkline.calls.background_tools import RunsTools
from trunkline.domain.events import Json
from trunkline.domain.ids import new_tool_run_id
from trunkline.flows.flow import Flow, Prefetch
from trunkline.flows.prompts import Expression, PromptError
from trunkline.flows.tool_runner import ToolContext
from trunkline.flows.tools import ToolSucceeded
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)


async def fetch_before_answer(
    flow: Flow, variables: Mapping[str, Json], tools: RunsTools, call_id: str
) -> dict[str, Json]:
    """Results by variable, all fetched at once; a failure or a late answer gives the default.

    Takes as long as the slowest ``timeout_ms`` at most. Never raises for what a service does.
    """
    async with asyncio.TaskGroup() as tasks:
        running = {
            fetch.save_as: tasks.create_task(
                _fetch(fetch, variables, tools, call_id), name=f"fetch-{fetch.tool.name}"
            )
            for fetch in flow.before_answer
        }
    return {name: task.result() for name, task in running.items()}


async def _fetch(
    fetch: Prefetch, variables: Mapping[str, Json], tools: RunsTools, call_id: str
) -> Json:
    reason = "late"
    try:
        arguments = {
            name: value.evaluate(variables)
            if isinstance(value, Expression)
            else value.render(variables)
            for name, value in fetch.arguments.items()
        }
        context = ToolContext(call_id, new_tool_run_id(), variables)
        async with asyncio.timeout(fetch.timeout_ms / 1000):
            result = await tools.run(fetch.tool, arguments, context)
        if isinstance(result, ToolSucceeded):
            return result.result
        reason = result.error.code
    except PromptError:
        reason = "bad_template"
    except TimeoutError:
        pass
    except Exception as exc:  # a fault of ours in one fetch must not keep a call from its answer
        log.error("a fetch before the answer broke", tool=fetch.tool.name, exc_info=exc)
        reason = "internal"
    log.warning("not fetched before the answer", tool=fetch.tool.name, reason=reason)
    return fetch.default

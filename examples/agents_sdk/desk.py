"""A parcel desk on the phone, made with openai-agents: two tools, a hand-off, a guardrail.

``refund`` needs approval: a person is asked in the approvals inbox while the caller waits.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Final

from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunContextWrapper,
    function_tool,
    output_guardrail,
)
from agents.realtime import RealtimeAgent, RealtimeSessionEvent, realtime_handoff
from pydantic import Field

from trunkline.agents_sdk.approvals import AskFor, NotDone, tool_failed
from trunkline.agents_sdk.house import House
from trunkline.agents_sdk.line import PhoneCall, PhoneLine

PARCELS: Final = {
    "204817": "It is on the van and arrives before six this evening.",
    "551020": "It was lost. We guarantee that you get your money back today.",
}
MAY_NOT_PROMISE: Final = "guarantee"

Parcel = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="six digit parcel number")]
Dollars = Annotated[int, Field(ge=1, le=1000, description="amount in whole dollars")]


@function_tool
def find_parcel(parcel: Parcel) -> str:
    """Find a parcel. Callers say, for example: "where is my parcel", "find my parcel"."""
    return PARCELS.get(parcel, "There is no parcel with that number.")


@function_tool(needs_approval=True, failure_error_function=tool_failed)
def refund(parcel: Parcel, dollars: Dollars) -> str:
    """Refund a parcel. Callers say, for example: "i want a refund", "give me my money back"."""
    if parcel not in PARCELS:
        raise NotDone("There is no parcel with that number, so nothing was refunded.")
    tell("refunded", parcel=parcel, dollars=dollars)
    return f"You get {dollars} dollars back for parcel {' '.join(parcel)}."


@function_tool
def opening_hours() -> str:
    """Tell the opening hours. Callers say, for example: "when are you open"."""
    return "The shop is open from nine to five."


@output_guardrail(name="no promises")
async def no_promises(
    _: RunContextWrapper[Any], __: Agent[Any], output: str
) -> GuardrailFunctionOutput:
    """Nobody at the desk may guarantee anything."""
    return GuardrailFunctionOutput(
        output_info=None, tripwire_triggered=MAY_NOT_PROMISE in output.lower()
    )


shop = RealtimeAgent(
    name="The Shop",
    instructions="You answer questions about the shop. Be brief.",
    tools=[opening_hours],
)
desk = RealtimeAgent(
    name="Parcel Desk",
    instructions="You help callers with their parcels. Be brief.",
    tools=[find_parcel, refund],
    handoffs=[
        realtime_handoff(
            shop,
            tool_description_override="Put the caller through to the shop. Callers say, for "
            'example: "talk to the shop", "put me through to the shop".',
        )
    ],
    output_guardrails=[no_promises],
)


def _ask(arguments: Mapping[str, Any]) -> str:
    return f"May {arguments['dollars']} dollars be paid back for parcel {arguments['parcel']}?"


ASK_FOR: Final = {
    "refund": AskFor(
        question=_ask,
        policy={
            "levels": [{"role": "supervisor", "within_s": 60}],
            "expires_s": float(os.environ.get("EXPIRES_S", "180")),
            "amount": "dollars",
            "limits": {"supervisor": "500"},
        },
    )
}


def tell(event: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def follow(event: RealtimeSessionEvent) -> None:
    match event.type:
        case "handoff":
            tell("handoff", agent=event.to_agent.name)
        case "tool_start" | "tool_end" | "tool_approval_required":
            tell(event.type, tool=event.tool.name)
        case "guardrail_tripped":
            tell("guardrail_tripped", name=event.guardrail_results[0].guardrail.get_name())
        case _:
            pass


async def talk(call: PhoneCall) -> None:
    tell("call", call_id=call.call_id)
    await call.talk(
        desk,
        run_config={"guardrails_settings": {"debounce_text_length": 20}},
        ask_for=ASK_FOR,
        on_event=follow,
    )
    tell("call_over", call_id=call.call_id)


async def main() -> None:
    key = os.environ["TRUNKLINE_KEY"]
    house = House(os.environ.get("TRUNKLINE_URL", "http://127.0.0.1:8080"), key)
    realtime_url = os.environ.get("TRUNKLINE_REALTIME_URL", "ws://127.0.0.1:8000/v1")
    line = PhoneLine(house, realtime_url, key, agent="parcel_desk")
    async with asyncio.TaskGroup() as calls:
        tell("ready")
        async for call in line.calls():
            calls.create_task(talk(call), name=call.call_id)


if __name__ == "__main__":
    asyncio.run(main())

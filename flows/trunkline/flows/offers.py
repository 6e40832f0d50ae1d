"""Tools as an engine is offered them: plain functions, without what the flow gives itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from trunkline.flows.steps import Offer, Step, listening_of
from trunkline.flows.tools import RiskClass

_WAITS = " A person has to approve it first, so it is never done at once: do not say that it is."


def offers_at(step: Step, withdrawn: Collection[str] = ()) -> dict[str, Offer]:
    """What the engine may call in a step, by name; ``withdrawn`` failed too often."""
    listening = listening_of(step)
    offers = listening.offers if listening else {}
    return {name: offer for name, offer in offers.items() if name not in withdrawn}


def offered_function(offer: Offer) -> dict[str, Any]:
    """A Realtime function tool. Its description must suffice for engines that read no notes."""
    tool = offer.tool
    parameters = {key: value for key, value in tool.parameters.items() if key != "required"}
    properties = tool.parameters.get("properties") or {}
    parameters["properties"] = {
        name: schema for name, schema in properties.items() if name not in offer.arguments
    }
    required = [name for name in tool.parameters.get("required") or () if name in properties]
    parameters["required"] = [name for name in required if name not in offer.arguments]
    function: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "description": tool.description + (_WAITS if tool.risk is RiskClass.HIGH else ""),
        "parameters": parameters,
    }
    label = tool.label or (tool.description.rstrip(".") if tool.risk is RiskClass.HIGH else "")
    if label or tool.examples:
        notes: dict[str, Any] = {"role": "tool"}
        if label:
            notes["label"] = label
        if tool.examples:
            notes["examples"] = list(tool.examples)
        function["x-trunkline"] = notes
    return function

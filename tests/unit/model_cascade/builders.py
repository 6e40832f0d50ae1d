"""Tools and histories as a flow or a client would send them."""

from __future__ import annotations

from typing import Any

from trunkline.model.engine import HistoryItem, ItemRole


def intent(name: str, label: str, *examples: str) -> dict[str, Any]:
    notes = {"role": "intent", "label": label, "examples": list(examples)}
    parameters = {"type": "object", "properties": {}}
    return {"type": "function", "name": name, "parameters": parameters, "x-trunkline": notes}


def slot(kind: str, description: str, schema: dict[str, Any] | None = None, **notes: Any) -> Any:
    declared = schema or {"type": "string"}
    return {**declared, "description": description, "x-trunkline": {"kind": kind, **notes}}


def collect(tool: str, /, **slots: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool,
        "parameters": {
            "type": "object",
            "properties": slots,
            "required": list(slots),
            "additionalProperties": False,
        },
        "x-trunkline": {"role": "collect"},
    }


ACCOUNT = slot(
    "digits",
    "account number",
    {"type": "string", "pattern": "^[0-9]{8}$"},
    min_length=8,
    max_length=8,
    ask="What is your eight digit account number?",
    reprompts=["Please say the eight digits.", "I need the number on your bill."],
    read_back="I have {value}. Is that right?",
    confirm="low_confidence",
)
COLLECT_ACCOUNT = collect("collect_account", account=ACCOUNT)
BALANCE = intent("intent_balance", "your balance", "what is my balance", "how much do i owe")
AGENT = intent("intent_agent", "a person", "talk to a person", "operator please")
GOODBYE = intent("intent_goodbye", "ending the call", "goodbye", "that's all")


class Talk:
    """A conversation that grows item by item."""

    def __init__(self) -> None:
        self.items: list[HistoryItem] = []

    def agent(self, text: str) -> Talk:
        return self._add(HistoryItem(self._id(), ItemRole.ASSISTANT, text, was_audio=True))

    def caller(self, text: str, confidence: float | None = 0.95) -> Talk:
        item = HistoryItem(
            self._id(), ItemRole.USER, text, confidence=confidence, was_audio=confidence is not None
        )
        return self._add(item)

    def called(self, name: str, arguments: str = "{}", call_id: str = "call_1") -> Talk:
        return self._add(
            HistoryItem(
                self._id(),
                ItemRole.FUNCTION_CALL,
                name=name,
                arguments=arguments,
                call_id=call_id,
            )
        )

    def result(self, output: str, call_id: str = "call_1") -> Talk:
        return self._add(HistoryItem(self._id(), ItemRole.FUNCTION_OUTPUT, output, call_id=call_id))

    def _add(self, item: HistoryItem) -> Talk:
        self.items.append(item)
        return self

    def _id(self) -> str:
        return f"item_{len(self.items)}"

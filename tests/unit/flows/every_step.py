"""Generated flows with every kind of step, led to one another anyhow."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from tests.unit.flows.conversation import flow_of

from trunkline.flows.flow import Flow

STEPS = (
    "menu", "silent", "card", "born", "charge", "refund", "choose", "count", "call", "shop",
    "press", "desk", "warm", "queue", "machine", "beep", "message", "done",
)  # fmt: skip
TARGETS = st.sampled_from(STEPS)


def _tool(**more: Any) -> dict[str, Any]:
    return {
        "description": "A tool.",
        "parameters": {"type": "object", "properties": {"card": {"type": "string"}}},
        "http": {"url": "https://clinic.example.org/x", "method": "POST"},
        **more,
    }


@st.composite
def flows(draw: st.DrawFn, name: str = "clinic") -> Flow:
    """A flow whose every target is drawn, so that circles and dead corners come about."""

    def to() -> str:
        return draw(TARGETS)

    def intent(goto: str, *, everywhere: bool = False) -> dict[str, Any]:
        text = f"words for {goto}"
        return {"label": text, "description": text, "examples": [text], "goto": goto,
                "everywhere": everywhere}  # fmt: skip

    steps: dict[str, Any] = {
        "menu": {"say": "How can I help?", "turn_taking": "calm", "engine": "large",
                 "listen": {"intents": {"one": to(), "two": to()}, "keys": {"1": to()}}},
        "silent": {"say": "Take your time.",
                   "listen": {"idle": [{"after_ms": 2000, "say": "Still there?"}],
                              "silence": {"after_ms": 3000, "goto": to()}}},
        "card": {"collect": {"card": {"use": "card_number"}}, "next": to()},
        "born": {"collect": {"birthday": {"use": "date_of_birth"}}, "next": to(),
                 "cases": [{"when": "tries > 3", "goto": to()}]},
        "charge": {"tool": "charge", "arguments": {"card": "{{ card }}"}, "save_as": "receipt",
                   "next": to(), "on_failure": {"http_500": {"goto": to()}}},
        "refund": {"tool": "refund", "next": to(),
                   "on_parked": {"say": "A colleague will look.", "goto": to()}},
        "choose": {"branch": [{"when": "tries > 2", "goto": to()},
                              {"when": "open.office", "goto": to()}], "otherwise": to()},
        "count": {"set": {"tries": "{{ tries + 1 }}"}, "next": to()},
        "call": {"flow": "identify", "with": {"greeting": "Right."},
                 "returns": {"answer": "born"}, "next": to()},
        "shop": {"handoff": "shop", "carry": ["tries"], "say": "One moment."},
        "press": {"send_digits": "1w2", "next": to()},
        "desk": {"transfer": "sip:desk@192.0.2.7", "on_failure": {"goto": to()}},
        "warm": {"transfer": "sip:desk@192.0.2.7", "mode": "warm", "briefing": "{{ tries }} tries.",
                 "needs_key": True, "answered_by_machine": "no_answer",
                 "on_failure": {"busy": {"say": "Busy.", "goto": to()}, "no_answer": {},
                                "otherwise": {"goto": to()}}},
        "queue": {"queue": {"name": "desk", "targets": ["sip:a@192.0.2.1"], "callback_key": "1"},
                  "on_callback": {"goto": to()}, "on_timeout": {"goto": to()},
                  "on_unavailable": {"goto": to()}},
        "machine": {"voicemail": {"human": to(), "machine": "beep", "unknown": to()}},
        "beep": {"say": "Please call us.", "after_beep": True, "next": to()},
        "message": {"say": "Leave a message.", "message": "left", "next": to()},
        "done": {"say": "Goodbye.", "hang_up": "done"},
    }  # fmt: skip
    document = {
        "agent": {"name": name, "display_name": name.title()},
        "start": to(),
        "calendars": {"office": {"weekdays": "08:00-18:00"}},
        "variables": {"tries": 0},
        "keys": {"0": to()},
        "intents": {
            "one": intent(to()),
            "two": intent(to()),
            "person": intent(to(), everywhere=True),
        },
        "tools": {"charge": _tool(), "refund": _tool(risk="high", idempotency_key=True)},
        "flows": {
            "identify": {
                "parameters": ["greeting"],
                "start": "inner",
                "returns": ["born"],
                "steps": {
                    "inner": {"flow": "ask", "with": {"words": "{{ greeting }}"},
                              "returns": {"born": "born"}, "next": "return"},
                },
            },
            "ask": {
                "parameters": ["words"],
                "start": "pin",
                "returns": ["born"],
                "steps": {
                    "pin": {"collect": {"pin": {"use": "card_number"}}, "next": "check"},
                    "check": {"tool": "charge", "arguments": {"card": "{{ pin }}"}, "next": "ask"},
                    "ask": {"say": "{{ words }}", "collect": {"born": {"use": "date_of_birth"}},
                            "next": "return"},
                },
            },
        },
        "steps": steps,
    }  # fmt: skip
    return flow_of(json.dumps(document, indent=1))

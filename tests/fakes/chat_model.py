"""A chat-completions server with an honest tool-calling model of a few rules behind it.

It knows nothing of any agent: what it says and calls comes from the instructions, the tools'
descriptions and schemas, and the words it got, as a small language model would do it. It reads
spoken digits, quotes what a description tells it to ask, and calls what fits best.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_DIGITS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3}
_FILLERS = frozenset({"it's", "its", "is", "my", "number", "the", "um", "uh", "and", "please"})
_FITS = 0.6


@dataclass(frozen=True)
class Decision:
    text: str = ""
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


def decide(body: Mapping[str, Any]) -> Decision:
    """What to say or call next, from a chat-completions request."""
    said = [m for m in body["messages"] if m["role"] in ("user", "assistant", "tool")]
    functions = [tool["function"] for tool in body.get("tools", ())]
    last = said[-1] if said else {"role": "assistant", "content": ""}
    wanted = [f for f in functions if f["parameters"].get("required")]
    question = next((asked for f in wanted if (asked := _question(f))), "")
    if last["role"] != "user":
        # Its turn without a word of the caller: ask what is wanted, or report what came back.
        return Decision(text=question or f"I have this: {last['content']}")
    words = str(last["content"]).lower().split()
    for function in wanted:
        found = _fill(function["parameters"], words)
        if found is not None:
            return Decision(name=function["name"], arguments=found)
    fits = [(_likeness(words, f), f["name"]) for f in functions if f not in wanted]
    score, name = max(fits, default=(0.0, ""))
    if score >= _FITS:
        return Decision(name=name)
    return Decision(text=f"Sorry. {question or 'What can I do for you?'}")


def _question(function: Mapping[str, Any]) -> str:
    """What its description tells to ask."""
    found = re.search(r'ask: "([^"]+)"', function["description"])
    return found[1] if found else ""


def _fill(schema: Mapping[str, Any], words: list[str]) -> dict[str, Any] | None:
    digits = spoken_digits(words)
    found: dict[str, Any] = {}
    for name in schema["required"]:
        pattern = schema["properties"][name].get("pattern", "")
        if not digits or not pattern or not re.search(pattern, digits):
            return None
        found[name] = digits
    return found


def spoken_digits(words: list[str]) -> str:
    """ "double four one" is "441"; empty when something else was said."""
    digits, times = "", 1
    for word in words:
        if word in _TIMES:
            times = _TIMES[word]
        elif word in _DIGITS or word.isdigit():
            digits += _DIGITS.get(word, word) * times
            times = 1
        elif word not in _FILLERS:
            return ""
    return digits


def _likeness(words: list[str], function: Mapping[str, Any]) -> float:
    """How like the caller's words are to what the description says callers say."""
    quoted = re.findall(r'"([^"]+)"', function["description"])
    spoken = set(words)
    if not spoken:
        return 0.0
    return max((len(spoken & set(q.split())) / len(spoken | set(q.split())) for q in quoted),
               default=0.0)  # fmt: skip


class ChatServer:
    """``fails`` picks the requests that are answered with a 500, ``insists`` those whose answer is
    its words, whatever would be honest; "" leaves it to the rules. ``bodies`` is what was asked."""

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.fails: Callable[[Mapping[str, Any]], bool] = lambda _: False
        self.insists: Callable[[Mapping[str, Any]], str] = lambda _: ""


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """In a thread of its own: it outlives the event loops of single tests."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            served.bodies.append(body)
            served.keys.add(self.headers.get("authorization", ""))
            if served.fails(body):
                self.send_error(500)
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            insisted = served.insists(body)
            for event in _events(Decision(text=insisted) if insisted else decide(body)):
                self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    served = ChatServer(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def _events(decision: Decision) -> Iterator[dict[str, Any]]:
    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    if decision.name:
        call = {"index": 0, "id": "call_1", "function": {"name": decision.name, "arguments": ""}}
        yield chunk({"tool_calls": [call]})
        arguments = json.dumps(decision.arguments)
        for at in range(0, len(arguments), 5):
            part = {"index": 0, "function": {"arguments": arguments[at : at + 5]}}
            yield chunk({"tool_calls": [part]})
        yield chunk({}, "tool_calls")
    else:
        for word in re.findall(r"\S+\s*", decision.text):
            yield chunk({"content": word})
        yield chunk({}, "stop")
    yield {"choices": [], "usage": {"prompt_tokens": 400, "completion_tokens": 12}}

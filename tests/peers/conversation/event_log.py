"""A live call followed by its event log, as anybody who watches the data directory could."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Entry: TypeAlias = dict[str, Any]

_LOOK_S = 0.03


class CallLog:
    """The log of the next call from a number; ``next`` never gives an entry twice."""

    def __init__(self, data_dir: Path, caller: str) -> None:
        self._folder = data_dir / "recordings"
        self._caller = caller
        self._old = set(self._folder.rglob("*.jsonl"))
        self._path: Path | None = None
        self._taken = 0
        self.entries: list[Entry] = []

    @property
    def call_id(self) -> str:
        assert self._path is not None, f"no call from {self._caller} has a log yet"
        return self._path.stem

    async def next(
        self, what: str, matches: Callable[[Entry], bool], deadline_s: float = 20
    ) -> Entry:
        """The first entry after the last one taken that matches; ``what`` names it for people."""
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    self._read()
                    for at in range(self._taken, len(self.entries)):
                        if matches(self.entries[at]):
                            self._taken = at + 1
                            return self.entries[at]
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise AssertionError(f"within {deadline_s} s there was no {what}\n{self}") from None

    def _read(self) -> None:
        if self._path is None:
            self._path = self._find()
        if self._path is None:
            return
        lines = self._path.read_bytes().split(b"\n")[:-1]
        self.entries += [json.loads(line) for line in lines[len(self.entries) :]]

    def _find(self) -> Path | None:
        for path in set(self._folder.rglob("*.jsonl")) - self._old:
            first = path.read_bytes().partition(b"\n")[0]
            if first and fact(json.loads(first)).get("caller_number") == self._caller:
                return path
        return None

    def __str__(self) -> str:
        """What was said and decided, for a failure's message."""
        shown = []
        for entry in self.entries:
            turn = fact(entry).get("turn")
            if turn:
                text = f"{turn['speaker']}: {turn['text']}"
            elif fact(entry):
                text = " ".join(str(fact(entry).get(key, "")) for key in ("fact", "state", "step"))
            elif entry["event"] in ("leg", "turn_decision", "flow_event", "response_failed"):
                text = f"{entry['event']} {entry.get('name') or entry.get('decision', '')}"
            else:
                continue
            shown.append(f"{entry['at_ms'] / 1000:7.2f}  {text}")
        return "\n".join(shown) or f"(no call from {self._caller})"


def fact(entry: Entry) -> dict[str, Any]:
    """The fact in an entry; empty when it holds none."""
    return entry["document"] if entry["event"] == "fact" else {}


def turn_of(entry: Entry) -> dict[str, Any]:
    """The turn that ended with an entry; empty when none did."""
    return fact(entry).get("turn") or {}

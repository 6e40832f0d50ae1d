"""What the storm's service did, read from its own log."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Ledger:
    """``by_key``: effects of those who sent a key; ``by_account``: of those who did not."""

    by_key: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    by_account: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    asked: int = 0
    hooks: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        ledger = cls()
        with path.open() as lines:
            for line in lines:
                if line.endswith("\n"):
                    ledger._take(json.loads(line))
        return ledger

    def _take(self, line: dict[str, Any]) -> None:
        match line["kind"]:
            case "asked":
                self.asked += 1
            case "hook":
                self.hooks.append(line)
            case "effect" if line["key"]:
                self.by_key[line["key"]].append(line)
            case "effect":
                self.by_account[line["body"]["account"]].append(line)

    def effects_of(self, approval_id: str, account: str) -> list[dict[str, Any]]:
        return [*self.by_key.get(approval_id, ()), *self.by_account.get(account, ())]

    def at_of(self, approval_id: str) -> float:
        """When the first effect was, on the machine's monotonic clock; 0: not yet."""
        found = self.by_key.get(approval_id)
        return float(found[0]["at_s"]) if found else 0.0

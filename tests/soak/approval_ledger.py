"""What the storm's service did and was told, read from its own log as it grows."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Ledger:
    """``by_key``: effects of those who sent a key; ``by_account``: of those who did not.

    ``links``: tokens by approval, hash of the arguments and user name, as webhooks brought them.
    """

    path: Path
    by_key: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    by_account: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    links: dict[tuple[str, str, str], str] = field(default_factory=dict)
    asked: int = 0
    hooks: list[dict[str, Any]] = field(default_factory=list)
    _read_bytes: int = 0

    def read(self) -> Ledger:
        """What has come since; whole lines only."""
        with self.path.open("rb") as lines:
            lines.seek(self._read_bytes)
            while (line := lines.readline()).endswith(b"\n"):
                self._read_bytes += len(line)
                self._take(json.loads(line))
        return self

    def _take(self, line: dict[str, Any]) -> None:
        match line["kind"]:
            case "asked":
                self.asked += 1
            case "hook":
                self._told(line)
            case "effect" if line["key"]:
                self.by_key[line["key"]].append(line)
            case "effect":
                self.by_account[line["body"]["account"]].append(line)

    def _told(self, line: dict[str, Any]) -> None:
        self.hooks.append(line)
        said = json.loads(line["body"])["data"]
        for link in said.get("links", ()) if line["is_taken"] else ():
            self.links[said["approval_id"], said["arguments_hash"], link["user"]] = link["token"]

    def effects_of(self, approval_id: str, account: str) -> list[dict[str, Any]]:
        return [*self.by_key.get(approval_id, ()), *self.by_account.get(account, ())]

    def at_of(self, approval_id: str) -> float:
        """When the first effect was, on the machine's monotonic clock; 0: not yet."""
        found = self.by_key.get(approval_id)
        return float(found[0]["at_s"]) if found else 0.0

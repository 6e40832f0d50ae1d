"""The sample office's HTTP service: messages that callers left, and whom to call back when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, FastAPI, Header
from pydantic import BaseModel, ConfigDict, StringConstraints

from trunkline.flows.sample_ledger import Ledger, now

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone TEXT NOT NULL, message TEXT NOT NULL,
  urgency TEXT NOT NULL, left_at TEXT NOT NULL, idempotency_key TEXT UNIQUE
);
"""
_FIRST_REFERENCE: Final = 400

Urgency = Literal["today", "this_week", "no_hurry"]
Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Long = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,20}$")]


class NewMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Short
    phone: Phone
    message: Long
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class Message:
    reference: str
    name: str
    phone: str
    message: str
    urgency: str
    left_at: str


class OfficeBooks:
    """Messages survive a restart; one idempotency key leaves one message."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path, _SCHEMA)

    def leave(self, new: NewMessage, key: str | None) -> Message:
        with self.ledger.open() as database:
            database.execute(
                "INSERT OR IGNORE INTO messages"
                " (name, phone, message, urgency, left_at, idempotency_key)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (new.name, new.phone, new.message, new.urgency, now(), key or None),
            )
            where = "WHERE idempotency_key = ?" if key else "WHERE id = last_insert_rowid()"
            row = database.execute(f"{_SELECT} {where}", (key,) if key else ()).fetchone()
        return _message(row)

    def messages(self) -> list[Message]:
        """Oldest first."""
        with self.ledger.open() as database:
            return [_message(row) for row in database.execute(f"{_SELECT} ORDER BY id")]


def add_office(app: FastAPI, data_dir: Path) -> Ledger:
    """The routes under ``/office``, with their books under ``data_dir``; what those are kept in."""
    books = OfficeBooks(data_dir / "sample" / "office.db")
    router = APIRouter(prefix="/office")

    @router.get("/messages")
    def messages() -> Any:
        return {"messages": [asdict(one) for one in books.messages()]}

    @router.post("/messages", status_code=201)
    def leave(
        new: NewMessage,
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Any:
        return {"reference": books.leave(new, idempotency_key).reference}

    app.include_router(router)
    return books.ledger


_SELECT: Final = "SELECT id, name, phone, message, urgency, left_at FROM messages"


def _message(row: tuple[int, str, str, str, str, str]) -> Message:
    return Message(str(_FIRST_REFERENCE + row[0]), *row[1:])

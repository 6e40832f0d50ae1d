"""The books of the sample energy supplier: accounts, meter readings and payments, in SQLite."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

from trunkline.flows.sample_ledger import Ledger, now

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS readings (
  id INTEGER PRIMARY KEY, account TEXT NOT NULL, reading TEXT NOT NULL,
  recorded_at TEXT NOT NULL, idempotency_key TEXT UNIQUE
);
CREATE TABLE IF NOT EXISTS payments (
  id INTEGER PRIMARY KEY, account TEXT NOT NULL, amount TEXT NOT NULL,
  paid_at TEXT NOT NULL, idempotency_key TEXT UNIQUE NOT NULL
);
"""


class UnknownAccount(Exception):
    pass


class ReadingTooLow(Exception):
    """A meter never runs backwards; ``previous`` is the last reading."""

    def __init__(self, previous: str) -> None:
        super().__init__(f"below the last reading, {previous}")
        self.previous = previous


@dataclass(frozen=True, slots=True)
class Account:
    """``owed`` in dollars, negative when in credit; ``meter`` is where its readings begin."""

    account: str
    name: str
    owed: float
    meter: str


ACCOUNTS: Final = {
    account.account: account
    for account in (
        Account("44172908", "M. Alvarez", 182.40, "48210"),
        Account("44180023", "J. Whitfield", 0.0, "10944"),
        Account("44195571", "P. Okonkwo", 67.05, "73381"),
        Account("44203316", "S. Lindqvist", -35.10, "22057"),
        Account("44217740", "D. Marsh", 1240.00, "90118"),
    )
}


@dataclass(frozen=True, slots=True)
class Reading:
    account: str
    reading: str
    recorded_at: str


@dataclass(frozen=True, slots=True)
class Payment:
    account: str
    amount: str
    paid_at: str


class SampleBooks:
    """Readings and payments survive a restart; one idempotency key has one effect."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path, _SCHEMA)

    def account(self, number: str) -> Account:
        try:
            return ACCOUNTS[number]
        except KeyError:
            raise UnknownAccount(number) from None

    def due(self, today: date) -> date:
        """Bills are due on the first of the next month."""
        return date(today.year + today.month // 12, today.month % 12 + 1, 1)

    def readings(self, number: str) -> list[Reading]:
        """Oldest first."""
        self.account(number)
        query = "SELECT account, reading, recorded_at FROM readings WHERE account = ? ORDER BY id"
        with self.ledger.open() as database:
            return [Reading(*row) for row in database.execute(query, (number,))]

    def record_reading(self, number: str, reading: str, key: str | None) -> Reading:
        """Raises ReadingTooLow, UnknownAccount; a key seen before gives back what it recorded."""
        start = self.account(number).meter
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            query = "SELECT account, reading, recorded_at FROM readings WHERE idempotency_key = ?"
            seen = database.execute(query, (key,)).fetchone() if key else None
            if seen is not None:
                return Reading(*seen)
            last = database.execute(
                "SELECT reading FROM readings WHERE account = ? ORDER BY id DESC LIMIT 1", (number,)
            ).fetchone()
            previous = last[0] if last else start
            if int(reading) < int(previous):
                raise ReadingTooLow(previous)
            recorded = Reading(number, reading, now())
            database.execute(
                "INSERT INTO readings (account, reading, recorded_at, idempotency_key)"
                " VALUES (?, ?, ?, ?)",
                (*asdict(recorded).values(), key or None),
            )
            return recorded

    def payments(self, number: str) -> list[Payment]:
        self.account(number)
        query = "SELECT account, amount, paid_at FROM payments WHERE account = ? ORDER BY id"
        with self.ledger.open() as database:
            return [Payment(*row) for row in database.execute(query, (number,))]

    def pay(self, number: str, amount: str, key: str) -> Payment:
        """One payment per key, whatever is asked again under it."""
        self.account(number)
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            query = "SELECT account, amount, paid_at FROM payments WHERE idempotency_key = ?"
            seen = database.execute(query, (key,)).fetchone()
            if seen is not None:
                return Payment(*seen)
            payment = Payment(number, amount, now())
            database.execute(
                "INSERT INTO payments (account, amount, paid_at, idempotency_key)"
                " VALUES (?, ?, ?, ?)",
                (*asdict(payment).values(), key),
            )
            return payment

"""The books of the sample shop: products, orders, returns, refunds and callbacks, in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from trunkline.flows.sample_ledger import Ledger, now

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS returns (
  id INTEGER PRIMARY KEY, order_number TEXT NOT NULL, item TEXT NOT NULL, reason TEXT NOT NULL,
  email TEXT NOT NULL, made_at TEXT NOT NULL, idempotency_key TEXT UNIQUE,
  UNIQUE (order_number, item)
);
CREATE TABLE IF NOT EXISTS refunds (
  id INTEGER PRIMARY KEY, order_number TEXT NOT NULL, item TEXT NOT NULL, amount TEXT NOT NULL,
  made_at TEXT NOT NULL, idempotency_key TEXT UNIQUE NOT NULL
);
CREATE TABLE IF NOT EXISTS callbacks (
  id INTEGER PRIMARY KEY, phone TEXT NOT NULL, about TEXT NOT NULL, made_at TEXT NOT NULL,
  idempotency_key TEXT UNIQUE
);
CREATE TABLE IF NOT EXISTS reservations (
  id INTEGER PRIMARY KEY, product TEXT NOT NULL, phone TEXT NOT NULL, made_at TEXT NOT NULL,
  idempotency_key TEXT UNIQUE
);
"""
RETURN_DAYS: Final = 30
FIRST_REFERENCE: Final = 7000


class UnknownOrder(Exception):
    pass


class UnknownProduct(Exception):
    pass


class ReturnRefused(Exception):
    """``code`` says why: not_in_order, not_delivered, too_late or already_returned."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class OrderState(StrEnum):
    PACKING = "packing"
    ON_ITS_WAY = "on_its_way"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Product:
    """``price`` in dollars, with cents."""

    key: str
    name: str
    price: str
    in_stock: int


@dataclass(frozen=True, slots=True)
class Order:
    """``days`` from today: until it arrives, or (negative) since it did."""

    number: str
    zip_code: str
    first_name: str
    state: OrderState
    days: int
    items: tuple[str, ...]

    def day(self, today: date) -> date:
        return today + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Return:
    reference: str
    order_number: str
    item: str
    reason: str
    email: str
    amount: str


PRODUCTS: Final[Mapping[str, Product]] = {
    product.key: product
    for product in (
        Product("lamp", "desk lamp", "49.00", 12),
        Product("blanket", "wool blanket", "85.50", 3),
        Product("kettle", "copper kettle", "64.00", 0),
        Product("armchair", "armchair", "420.00", 2),
        Product("towels", "set of towels", "36.00", 40),
    )
}
ORDERS: Final[Mapping[str, Order]] = {
    order.number: order
    for order in (
        Order("3104826", "97214", "Grace", OrderState.ON_ITS_WAY, 2, ("lamp", "blanket")),
        Order("3107759", "60614", "Victor", OrderState.DELIVERED, -6, ("kettle", "towels")),
        Order("3109940", "30306", "Helen", OrderState.PACKING, 5, ("armchair",)),
        Order("3102213", "78704", "Omar", OrderState.DELIVERED, -48, ("lamp",)),
        Order("3105571", "02139", "Nina", OrderState.CANCELLED, 0, ("towels",)),
    )
}


class ShopBooks:
    """Returns, refunds, callbacks and reservations survive a restart; a key has one effect."""

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path, _SCHEMA)

    def order(self, number: str, zip_code: str | None = None) -> Order:
        """Raises UnknownOrder; whether number or ZIP code was wrong is not told."""
        order = ORDERS.get(number)
        if order is None or zip_code not in (None, order.zip_code):
            raise UnknownOrder(number)
        return order

    def product(self, key: str) -> Product:
        try:
            return PRODUCTS[key]
        except KeyError:
            raise UnknownProduct(key) from None

    def make_return(
        self, number: str, item: str, reason: str, email: str, key: str | None
    ) -> Return:
        """Raises UnknownOrder, ReturnRefused; a key seen before gives back what it made."""
        order = self.order(number)
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            seen = _return_by(database, "idempotency_key = ?", (key,)) if key else None
            if seen is not None:
                return seen
            if item not in order.items:
                raise ReturnRefused("not_in_order")
            if order.state is not OrderState.DELIVERED:
                raise ReturnRefused("not_delivered")
            if -order.days > RETURN_DAYS:
                raise ReturnRefused("too_late")
            where, values = "order_number = ? AND item = ?", (number, item)
            if _return_by(database, where, values) is not None:
                raise ReturnRefused("already_returned")
            database.execute(
                "INSERT INTO returns (order_number, item, reason, email, made_at, idempotency_key)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (number, item, reason, email, now(), key or None),
            )
            made = _return_by(database, where, values)
            assert made is not None  # a row was inserted
            return made

    def returns(self, number: str) -> list[Return]:
        self.order(number)
        query = f"{_RETURNS} WHERE order_number = ? ORDER BY id"
        with self.ledger.open() as database:
            return [_return(row) for row in database.execute(query, (number,))]

    def refund(self, number: str, item: str, amount: str, key: str) -> int:
        """One refund per key; its reference."""
        self.order(number)
        values = (number, item, amount, now(), key)
        columns = "(order_number, item, amount, made_at, idempotency_key)"
        return self._once("refunds", columns, values)

    def refunds(self, number: str) -> list[dict[str, str]]:
        query = "SELECT item, amount FROM refunds WHERE order_number = ? ORDER BY id"
        with self.ledger.open() as database:
            rows = database.execute(query, (number,)).fetchall()
        return [{"item": item, "amount": amount} for item, amount in rows]

    def call_back(self, phone: str, about: str, key: str | None) -> int:
        columns = "(phone, about, made_at, idempotency_key)"
        return self._once("callbacks", columns, (phone, about, now(), key or None))

    def callbacks(self) -> list[dict[str, str]]:
        with self.ledger.open() as database:
            rows = database.execute("SELECT phone, about FROM callbacks ORDER BY id").fetchall()
        return [{"phone": phone, "about": about} for phone, about in rows]

    def reserve(self, product: str, phone: str, key: str | None) -> int:
        self.product(product)
        columns = "(product, phone, made_at, idempotency_key)"
        return self._once("reservations", columns, (product, phone, now(), key or None))

    def _once(self, table: str, columns: str, values: tuple[str | None, ...]) -> int:
        """Insert unless the key, the last value, is there already; the row's number."""
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            if values[-1] is not None:
                seen = database.execute(
                    f"SELECT id FROM {table} WHERE idempotency_key = ?", (values[-1],)
                ).fetchone()
                if seen is not None:
                    return int(seen[0])
            marks = ", ".join("?" * len(values))
            row = database.execute(f"INSERT INTO {table} {columns} VALUES ({marks})", values)
            return int(row.lastrowid or 0)


_RETURNS: Final = "SELECT id, order_number, item, reason, email FROM returns"


def _return(row: tuple[int, str, str, str, str]) -> Return:
    number, order_number, item, reason, email = row
    reference = str(FIRST_REFERENCE + number)
    return Return(reference, order_number, item, reason, email, PRODUCTS[item].price)


def _return_by(
    database: sqlite3.Connection, where: str, values: tuple[str | None, ...]
) -> Return | None:
    row = database.execute(f"{_RETURNS} WHERE {where}", values).fetchone()
    return _return(row) if row else None

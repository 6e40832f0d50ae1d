"""The sample shop's HTTP service: orders, returns, refunds, products and callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from trunkline.flows.sample_ledger import Ledger
from trunkline.flows.sample_shop_books import (
    PRODUCTS,
    ReturnRefused,
    ShopBooks,
    UnknownOrder,
    UnknownProduct,
)

Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,20}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$|^$")]
Amount = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}\.[0-9]{2}$")]
About = Annotated[str, StringConstraints(max_length=500)]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewReturn(_Body):
    """``email``: where the label goes; empty: the address on file."""

    item: Word
    reason: Word
    email: Email = ""


class NewRefund(_Body):
    item: Word
    amount: Amount


class NewCallback(_Body):
    phone: Phone
    about: About = ""


class NewReservation(_Body):
    phone: Phone


def add_shop(app: FastAPI, data_dir: Path) -> Ledger:
    """The routes under ``/shop``, with their books under ``data_dir``; what those are kept in."""
    books = ShopBooks(data_dir / "sample" / "shop.db")
    router = APIRouter(prefix="/shop")

    @app.exception_handler(UnknownOrder)
    @app.exception_handler(UnknownProduct)
    async def unknown(_: Request, problem: Exception) -> JSONResponse:
        what = "order" if isinstance(problem, UnknownOrder) else "product"
        return JSONResponse({"detail": f"there is no such {what}"}, status_code=404)

    @app.exception_handler(ReturnRefused)
    async def refused(_: Request, problem: ReturnRefused) -> JSONResponse:
        status = {"not_in_order": 404, "already_returned": 409, "too_late": 410}
        body = {"detail": problem.code}
        return JSONResponse(body, status_code=status.get(problem.code, 412))

    @router.get("/orders/{number}")
    def order(number: str, zip_code: str | None = None, today: date | None = None) -> Any:
        found = books.order(number, zip_code)
        return {
            "number": found.number,
            "first_name": found.first_name,
            "state": found.state.value,
            "day": found.day(today or datetime.now(UTC).date()).isoformat(),
            "items": _in_words([PRODUCTS[item].name for item in found.items]),
        }

    @router.get("/orders/{number}/returns")
    def returns(number: str) -> Any:
        return {"returns": [asdict(one) for one in books.returns(number)]}

    @router.post("/orders/{number}/returns", status_code=201)
    def make_return(number: str, new: NewReturn, idempotency_key: IdempotencyKey = None) -> Any:
        made = books.make_return(number, new.item, new.reason, new.email, idempotency_key)
        return asdict(made)

    @router.get("/orders/{number}/refunds")
    def refunds(number: str) -> Any:
        return {"refunds": books.refunds(number)}

    @router.post("/orders/{number}/refunds", status_code=201)
    def refund(
        number: str, new: NewRefund, idempotency_key: Annotated[str, Header(max_length=200)]
    ) -> Any:
        return {"refund": books.refund(number, new.item, new.amount, idempotency_key)}

    @router.get("/products/{product}")
    def product(product: str) -> Any:
        found = books.product(product)
        return {"name": found.name, "price": found.price, "in_stock": found.in_stock}

    @router.post("/products/{product}/reservations", status_code=201)
    def reserve(product: str, new: NewReservation, idempotency_key: IdempotencyKey = None) -> Any:
        return {"reservation": books.reserve(product, new.phone, idempotency_key)}

    @router.get("/callbacks")
    def callbacks() -> Any:
        return {"callbacks": books.callbacks()}

    @router.post("/callbacks", status_code=201)
    def call_back(new: NewCallback, idempotency_key: IdempotencyKey = None) -> Any:
        return {"callback": books.call_back(new.phone, new.about, idempotency_key)}

    app.include_router(router)
    return books.ledger


def _in_words(names: Sequence[str]) -> str:
    """ "a desk lamp and a wool blanket"."""
    described = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names]
    if len(described) < 2:
        return "".join(described)
    return f"{', '.join(described[:-1])} and {described[-1]}"

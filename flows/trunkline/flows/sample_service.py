"""The HTTP service behind the sample agents: small, local and real.

Its own routes are the energy supplier's; the clinic, the shop and the office have theirs under a
prefix. What a call did is kept, so that it can be asked for afterwards. ``/faults`` makes the next
answers slow or wrong, for drills.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from trunkline.flows.sample_books import ReadingTooLow, SampleBooks, UnknownAccount
from trunkline.flows.sample_clinic import add_clinic
from trunkline.flows.sample_faults import Fault, FaultMiddleware
from trunkline.flows.sample_office import add_office
from trunkline.flows.sample_shop import add_shop
from trunkline.runtime.health import HealthApp
from trunkline.runtime.settings import Settings

_HOURS: Final = {
    "weekdays": {"opens": "08:00", "closes": "18:00"},
    "saturday": {"opens": "09:00", "closes": "13:00"},
    "sunday": None,
}
_MAX_FAULTS: Final = 100

IdempotencyKey = Annotated[str | None, Header(max_length=200)]


class NewReading(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reading: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,6}$")]


class NewPayment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}\.[0-9]{2}$")]


def create_app(data_dir: Path) -> FastAPI:
    """The service with its books under ``data_dir``.

    ``state.ledgers`` is where what it keeps can be wiped, ``state.faults`` where faults can be set.
    """
    books = SampleBooks(data_dir / "sample" / "energy.db")
    faults: list[Fault] = []
    app = FastAPI(title="Trunkline sample businesses", version="1")
    app.add_middleware(FaultMiddleware, faults=faults)

    @app.exception_handler(UnknownAccount)
    async def unknown_account(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "there is no such account"}, status_code=404)

    @app.exception_handler(ReadingTooLow)
    async def reading_too_low(_: Request, problem: ReadingTooLow) -> JSONResponse:
        body = {"detail": str(problem), "previous": problem.previous}
        return JSONResponse(body, status_code=409)

    app.router.routes += HealthApp("sample-service", {}).routes()
    others = (add_clinic(app, data_dir), add_office(app, data_dir), add_shop(app, data_dir))
    app.state.ledgers = (books.ledger, *others)
    app.state.faults = faults

    @app.get("/hours")
    def hours() -> dict[str, Any]:
        return _HOURS

    @app.get("/accounts/{number}/balance")
    def balance(number: str) -> dict[str, Any]:
        account = books.account(number)
        due = books.due(datetime.now(UTC).date())
        return {
            "account": number,
            "owed": account.owed,
            "currency": "USD",
            "due": due.isoformat(),
        }

    @app.get("/accounts/{number}/readings")
    def readings(number: str) -> dict[str, Any]:
        return {"readings": [asdict(reading) for reading in books.readings(number)]}

    @app.post("/accounts/{number}/readings", status_code=201)
    def add_reading(
        number: str, new: NewReading, idempotency_key: IdempotencyKey = None
    ) -> dict[str, Any]:
        return asdict(books.record_reading(number, new.reading, idempotency_key))

    @app.get("/accounts/{number}/payments")
    def payments(number: str) -> dict[str, Any]:
        return {"payments": [asdict(payment) for payment in books.payments(number)]}

    @app.post("/accounts/{number}/payments", status_code=201)
    def pay(
        number: str, new: NewPayment, idempotency_key: Annotated[str, Header(max_length=200)]
    ) -> dict[str, Any]:
        return asdict(books.pay(number, new.amount, idempotency_key))

    @app.get("/faults")
    def list_faults() -> dict[str, Any]:
        return {"faults": [fault.model_dump() for fault in faults]}

    @app.post("/faults", status_code=201)
    def add_fault(fault: Fault) -> Any:
        if len(faults) >= _MAX_FAULTS:
            return JSONResponse({"detail": f"at most {_MAX_FAULTS} faults"}, status_code=409)
        faults.append(fault)
        return fault

    @app.delete("/faults", status_code=204)
    def clear_faults() -> None:
        faults.clear()

    return app


async def serve(settings: Settings) -> None:
    """Serve on the loopback address until cancelled or told to stop."""
    config = uvicorn.Config(
        create_app(settings.data_dir),
        host="127.0.0.1",
        port=settings.resolved_sample_service_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    await uvicorn.Server(config).serve()

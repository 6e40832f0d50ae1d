"""The sample clinic's HTTP service: who a patient is, what is free, and their appointments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from trunkline.flows.sample_clinic_books import (
    ClinicBooks,
    NoAppointment,
    NotFree,
    UnknownPatient,
)
from trunkline.flows.sample_ledger import Ledger

DoctorKey = Literal["patel", "morgan", "hughes", "any"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
IdempotencyKey = Annotated[str | None, Header(max_length=200)]
_OFFERED: Final = 3


class Moment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    date: Day
    time: Clock


class NewAppointment(Moment):
    doctor: DoctorKey


class _NoDay(Exception):
    pass


def add_clinic(app: FastAPI, data_dir: Path) -> Ledger:
    """The routes under ``/clinic``, with their books under ``data_dir``; what those are kept in."""
    books = ClinicBooks(data_dir / "sample" / "clinic.db")
    router = APIRouter(prefix="/clinic")

    @app.exception_handler(UnknownPatient)
    @app.exception_handler(NoAppointment)
    async def unknown(_: Request, problem: Exception) -> JSONResponse:
        what = "patient" if isinstance(problem, UnknownPatient) else "appointment"
        return JSONResponse({"detail": f"there is no such {what}"}, status_code=404)

    @app.exception_handler(NotFree)
    async def not_free(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "that time is not free"}, status_code=409)

    @app.exception_handler(_NoDay)
    async def no_day(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "that is no day of the calendar"}, status_code=422)

    @router.get("/patients/{number}")
    def patient(number: str, date_of_birth: Annotated[Day | None, Query()] = None) -> Any:
        born = _day(date_of_birth) if date_of_birth else None
        found = books.patient(number, born)
        return {"number": found.number, "first_name": found.name}

    @router.get("/patients/{number}/appointment")
    def next_appointment(number: str, since: Day) -> Any:
        return asdict(books.next_appointment(number, _day(since)))

    @router.get("/patients/{number}/appointments")
    def appointments(number: str) -> Any:
        return {"appointments": [asdict(one) for one in books.appointments(number)]}

    @router.get("/free")
    def free(doctor: DoctorKey, date: Day) -> Any:
        asked = _day(date)
        found = books.free(doctor, asked)
        if found is None:
            return JSONResponse({"detail": "nothing is free"}, status_code=404)
        chosen, day, times = found
        return {
            "doctor": chosen.key,
            "doctor_name": chosen.name,
            "date": day.isoformat(),
            "is_asked_day": day == asked,
            **_offer(times),
        }

    @router.post("/patients/{number}/appointments", status_code=201)
    def book(number: str, new: NewAppointment, idempotency_key: IdempotencyKey = None) -> Any:
        day, at = _day(new.date), time.fromisoformat(new.time)
        return asdict(books.book(number, new.doctor, day, at, idempotency_key))

    @router.put("/patients/{number}/appointments/{reference}")
    def move(number: str, reference: int, to: Moment) -> Any:
        day, at = _day(to.date), time.fromisoformat(to.time)
        return asdict(books.move(number, reference, day, at))

    @router.delete("/patients/{number}/appointments/{reference}")
    def cancel(number: str, reference: int) -> Any:
        books.cancel(number, reference)
        return {"cancelled": reference}

    app.include_router(router)
    return books.ledger


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _NoDay from None


def _offer(times: Sequence[time]) -> dict[str, Any]:
    """Up to three times, spread over the day; names without a time are empty."""
    spread = times if len(times) <= _OFFERED else [times[0], times[len(times) // 2], times[-1]]
    shown = [f"{at:%H:%M}" for at in spread]
    shown += [""] * (_OFFERED - len(shown))
    return {"count": len(spread), "first": shown[0], "second": shown[1], "third": shown[2]}

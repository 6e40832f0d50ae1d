"""The sample clinic, shop and office: their books, and what their services refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, time, timedelta
from pathlib import Path

import httpx2
import pytest

from trunkline.flows.sample_clinic_books import (
    DOCTORS,
    PATIENTS,
    ClinicBooks,
    NoAppointment,
    NotFree,
    UnknownPatient,
)
from trunkline.flows.sample_ledger import Ledger
from trunkline.flows.sample_service import create_app

MONDAY = date(2026, 11, 23)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[ClinicBooks]:
    yield ClinicBooks(tmp_path / "clinic.db")


@asynccontextmanager
async def service(data_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(data_dir), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://sample") as client:
        yield client


def test_nothing_is_written_until_somebody_asks(tmp_path: Path) -> None:
    create_app(tmp_path)
    assert not list((tmp_path / "sample").glob("*"))


def test_a_ledger_that_is_wiped_is_as_new(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.db", "CREATE TABLE IF NOT EXISTS notes (note TEXT)")
    ledger.wipe()
    with ledger.open() as database:
        database.execute("INSERT INTO notes VALUES ('a')")
    ledger.wipe()
    with ledger.open() as database:
        assert database.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_half_a_piece_of_work_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.db", "CREATE TABLE IF NOT EXISTS notes (note TEXT)")
    with pytest.raises(RuntimeError), ledger.open() as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO notes VALUES ('a')")
        raise RuntimeError
    with ledger.open() as database:
        assert database.execute("SELECT count(*) FROM notes").fetchone() == (0,)


def test_who_somebody_is_takes_number_and_date_of_birth(clinic: ClinicBooks) -> None:
    anna = PATIENTS["204817"]
    assert clinic.patient("204817", anna.born) is anna
    for number, born in (("204817", anna.born + timedelta(days=1)), ("204818", anna.born)):
        with pytest.raises(UnknownPatient):
            clinic.patient(number, born)


def test_a_free_time_is_free_until_it_is_booked(clinic: ClinicBooks) -> None:
    found = clinic.free("patel", MONDAY)
    assert found is not None
    doctor, day, times = found
    booked = clinic.book("209150", "patel", day, times[0], None)
    assert (booked.doctor_name, booked.date) == (doctor.name, day.isoformat())
    with pytest.raises(NotFree):
        clinic.book("211482", "patel", day, times[0], None)
    again = clinic.free("patel", day)
    assert again is not None and times[0] not in again[2]
    clinic.cancel("209150", booked.reference)
    assert clinic.book("211482", "patel", day, times[0], None).state == "booked"


def test_one_key_books_once(clinic: ClinicBooks) -> None:
    found = clinic.free("any", MONDAY)
    assert found is not None
    doctor, day, times = found
    first = clinic.book("209150", doctor.key, day, times[0], "key")
    assert clinic.book("209150", doctor.key, day, times[1], "key") == first
    assert clinic.appointments("209150") == [first]


def test_everybody_has_their_standing_appointment_once(clinic: ClinicBooks) -> None:
    first = clinic.next_appointment("204817", MONDAY)
    assert date.fromisoformat(first.date) >= MONDAY + timedelta(days=7)
    assert clinic.next_appointment("204817", MONDAY) == first
    clinic.cancel("204817", first.reference)
    with pytest.raises(NoAppointment):
        clinic.next_appointment("204817", MONDAY)
    with pytest.raises(NoAppointment):
        clinic.next_appointment("209150", MONDAY)


def test_an_appointment_moves_to_a_free_time_of_its_own_patient(clinic: ClinicBooks) -> None:
    mine = clinic.next_appointment("204817", MONDAY)
    found = clinic.free(mine.doctor, MONDAY)
    assert found is not None
    _, day, times = found
    moved = clinic.move("204817", mine.reference, day, times[0])
    assert (moved.date, moved.time) == (day.isoformat(), f"{times[0]:%H:%M}")
    assert clinic.move("204817", mine.reference, day, times[0]) == moved
    with pytest.raises(NotFree):
        clinic.move("204817", mine.reference, day, time(3))
    with pytest.raises(NoAppointment):
        clinic.move("207733", mine.reference, day, times[1])
    with pytest.raises(NoAppointment):
        clinic.cancel("207733", mine.reference)


@pytest.mark.parametrize(
    "closed", [date(2026, 11, 26), date(2026, 12, 25), date(2026, 11, 28), date(2027, 1, 1)]
)
def test_nobody_is_there_on_a_holiday(clinic: ClinicBooks, closed: date) -> None:
    for doctor in DOCTORS:
        found = clinic.free(doctor, closed)
        assert found is not None and found[1] > closed


def test_wednesday_afternoon_is_free_of_appointments(clinic: ClinicBooks) -> None:
    found = clinic.free("patel", date(2026, 11, 25))
    assert found is not None
    assert found[1] == date(2026, 11, 25)
    assert max(found[2]) < time(12)


REFUSED = (
    ("GET", "/clinic/patients/204817?date_of_birth=1984-03-13", None, 404),
    ("GET", "/clinic/patients/204817?date_of_birth=1984-13-13", None, 422),
    ("GET", "/clinic/free?doctor=strange&date=2026-11-24", None, 422),
    ("GET", "/clinic/patients/209150/appointment?since=2026-11-23", None, 404),
    ("POST", "/clinic/patients/209150/appointments",
     {"doctor": "patel", "date": "2026-11-24", "time": "03:00"}, 409),
    ("POST", "/clinic/patients/000000/appointments",
     {"doctor": "patel", "date": "2026-11-24", "time": "09:30"}, 404),
    ("DELETE", "/clinic/patients/209150/appointments/99", None, 404),
    ("GET", "/shop/orders/3104826?zip_code=00000", None, 404),
    ("POST", "/shop/orders/3107759/returns", {"item": "lamp", "reason": "damaged"}, 404),
    ("POST", "/shop/orders/3109940/returns", {"item": "armchair", "reason": "damaged"}, 412),
    ("POST", "/shop/orders/3102213/returns", {"item": "lamp", "reason": "damaged"}, 410),
    ("POST", "/shop/orders/3107759/refunds", {"item": "kettle", "amount": "64.00"}, 422),
    ("GET", "/shop/products/yacht", None, 404),
    ("POST", "/shop/callbacks", {"phone": "nobody"}, 422),
    ("POST", "/office/messages",
     {"name": "", "phone": "5550100", "message": "x", "urgency": "today"}, 422),
    ("POST", "/office/messages",
     {"name": "A", "phone": "5550100", "message": "x" * 4001, "urgency": "today"}, 422),
)  # fmt: skip


async def test_what_is_wrong_is_refused_with_its_status(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        for method, path, body, status in REFUSED:
            answer = await client.request(method, path, json=body)
            assert (path, answer.status_code) == (path, status)


async def test_what_the_shop_and_the_office_are_told_is_kept_once(tmp_path: Path) -> None:
    key = {"Idempotency-Key": "one"}
    once = {
        "/shop/orders/3107759/returns": {"item": "kettle", "reason": "damaged"},
        "/shop/orders/3107759/refunds": {"item": "kettle", "amount": "64.00"},
        "/shop/callbacks": {"phone": "+15550100", "about": "an order"},
        "/shop/products/lamp/reservations": {"phone": "5550100"},
        "/office/messages":
            {"name": "A", "phone": "5550100", "message": "x", "urgency": "today"},
    }  # fmt: skip
    async with service(tmp_path) as client:
        for path, body in once.items():
            first = await client.post(path, json=body, headers=key)
            again = await client.post(path, json=body, headers=key)
            assert (first.status_code, again.json()) == (201, first.json()), path
        second = await client.post(
            "/shop/orders/3107759/returns", json={"item": "kettle", "reason": "damaged"}
        )
        assert second.status_code == 409
        assert len((await client.get("/office/messages")).json()["messages"]) == 1
        assert (await client.get("/shop/callbacks")).json() == {
            "callbacks": [{"phone": "+15550100", "about": "an order"}]
        }
        assert len((await client.get("/shop/orders/3107759/refunds")).json()["refunds"]) == 1
    async with service(tmp_path) as client:  # after a restart
        assert len((await client.get("/shop/orders/3107759/returns")).json()["returns"]) == 1

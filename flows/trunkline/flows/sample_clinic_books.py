"""The books of the sample clinic: patients, doctors, free times and appointments, in SQLite."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Final

from trunkline.flows.sample_ledger import Ledger, now

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS appointments (
  id INTEGER PRIMARY KEY, patient TEXT NOT NULL, doctor TEXT NOT NULL, day TEXT NOT NULL,
  time TEXT NOT NULL, state TEXT NOT NULL, changed_at TEXT NOT NULL, idempotency_key TEXT UNIQUE
);
CREATE UNIQUE INDEX IF NOT EXISTS one_at_a_time ON appointments (doctor, day, time)
  WHERE state = 'booked';
CREATE TABLE IF NOT EXISTS known (patient TEXT PRIMARY KEY);
"""
_BOOKED: Final = "booked"
_LOOK_AHEAD_DAYS: Final = 60
_WEDNESDAY: Final = 2  # closed in the afternoon
_NOON: Final = time(12)
_ANY: Final = "any"


class UnknownPatient(Exception):
    pass


class NoAppointment(Exception):
    pass


class NotFree(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Patient:
    """``standing``: whom their first appointment is with, None when they have none."""

    number: str
    name: str
    born: date
    standing: str | None = None


@dataclass(frozen=True, slots=True)
class Doctor:
    """``weekdays``: when they see patients, Monday is 0."""

    key: str
    name: str
    weekdays: frozenset[int]


@dataclass(frozen=True, slots=True)
class Appointment:
    reference: int
    patient: str
    doctor: str
    doctor_name: str
    date: str
    time: str
    state: str


PATIENTS: Final = {
    patient.number: patient
    for patient in (
        Patient("204817", "Anna", date(1984, 3, 12), "patel"),
        Patient("207733", "Thomas", date(1957, 11, 30), "morgan"),
        Patient("209150", "Lucy", date(1990, 7, 4)),
        Patient("211482", "Samuel", date(2001, 1, 21), "hughes"),
    )
}
DOCTORS: Final = {
    doctor.key: doctor
    for doctor in (
        Doctor("patel", "Doctor Patel", frozenset({0, 1, 2, 3, 4})),
        Doctor("morgan", "Doctor Morgan", frozenset({0, 1, 3, 4})),
        Doctor("hughes", "Doctor Hughes", frozenset({1, 3})),
    )
}
_TIMES: Final = tuple(time(hour, minute) for hour in (9, 10, 11, 14, 15, 16) for minute in (0, 30))


class ClinicBooks:
    """Appointments survive a restart; one idempotency key has one effect.

    Some times are taken by patients the sample does not know, the same ones in every installation.
    """

    def __init__(self, path: Path) -> None:
        self.ledger = Ledger(path, _SCHEMA)

    def patient(self, number: str, born: date | None = None) -> Patient:
        """Raises UnknownPatient; whether number or date of birth was wrong is not told."""
        patient = PATIENTS.get(number)
        if patient is None or born not in (None, patient.born):
            raise UnknownPatient(number)
        return patient

    def next_appointment(self, number: str, since: date) -> Appointment:
        """The patient's next one on ``since`` or later; raises NoAppointment.

        Whoever is looked up for the first time gets their standing appointment a week ahead, so
        that the sample has something to move and cancel whatever the date is.
        """
        patient = self.patient(number)
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            _enter_standing(database, patient, since)
            row = database.execute(
                f"{_SELECT} WHERE patient = ? AND state = ? AND day >= ? ORDER BY day, time",
                (number, _BOOKED, since.isoformat()),
            ).fetchone()
        if row is None:
            raise NoAppointment(number)
        return _appointment(row)

    def free(self, doctor: str, since: date) -> tuple[Doctor, date, list[time]] | None:
        """The first day from ``since`` on with free times; None when there is none for weeks."""
        with self.ledger.open() as database:
            for ahead in range(_LOOK_AHEAD_DAYS):
                day = since + timedelta(days=ahead)
                for one in _doctors(doctor):
                    times = _free_times(database, one, day)
                    if times:
                        return one, day, times
        return None

    def book(self, number: str, doctor: str, day: date, at: time, key: str | None) -> Appointment:
        """Raises NotFree, UnknownPatient; a key seen before gives back what it booked."""
        self.patient(number)
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            seen = _by_key(database, key)
            if seen is not None:
                return seen
            database.execute("INSERT OR IGNORE INTO known VALUES (?)", (number,))
            chosen = next(
                (one for one in _doctors(doctor) if at in _free_times(database, one, day)), None
            )
            if chosen is None:
                raise NotFree
            return _insert(database, number, chosen.key, day, at, key)

    def move(self, number: str, reference: int, day: date, at: time) -> Appointment:
        """Raises NoAppointment, NotFree; moving to where it is already changes nothing."""
        with self.ledger.open() as database:
            database.execute("BEGIN IMMEDIATE")
            old = _booked(database, number, reference)
            if (old.date, old.time) != (day.isoformat(), f"{at:%H:%M}"):
                if at not in _free_times(database, DOCTORS[old.doctor], day):
                    raise NotFree
                database.execute(
                    "UPDATE appointments SET day = ?, time = ?, changed_at = ? WHERE id = ?",
                    (day.isoformat(), f"{at:%H:%M}", now(), reference),
                )
            return _booked(database, number, reference)

    def cancel(self, number: str, reference: int) -> None:
        """Raises NoAppointment; cancelling what is cancelled changes nothing."""
        with self.ledger.open() as database:
            changed = database.execute(
                "UPDATE appointments SET state = 'cancelled', changed_at = ?"
                " WHERE id = ? AND patient = ?",
                (now(), reference, number),
            ).rowcount
        if not changed:
            raise NoAppointment(number)

    def appointments(self, number: str) -> list[Appointment]:
        """All of a patient's, cancelled ones too, oldest first."""
        self.patient(number)
        query = f"{_SELECT} WHERE patient = ? ORDER BY id"
        with self.ledger.open() as database:
            return [_appointment(row) for row in database.execute(query, (number,))]


_SELECT: Final = "SELECT id, patient, doctor, day, time, state FROM appointments"


def _appointment(row: tuple[int, str, str, str, str, str]) -> Appointment:
    reference, patient, doctor, day, at, state = row
    return Appointment(reference, patient, doctor, DOCTORS[doctor].name, day, at, state)


def _doctors(key: str) -> Iterator[Doctor]:
    yield from (doctor for doctor in DOCTORS.values() if key in (_ANY, doctor.key))


def _is_holiday(day: date) -> bool:
    """Christmas, New Year and Thanksgiving, the fourth Thursday of November."""
    is_thanksgiving = day.month == 11 and day.weekday() == 3 and 22 <= day.day <= 28
    return is_thanksgiving or (day.month, day.day) in ((12, 24), (12, 25), (12, 26), (1, 1))


def _is_taken_by_others(doctor: Doctor, day: date, at: time) -> bool:
    """Two of five times, by a hash that is the same everywhere."""
    return zlib.crc32(f"{doctor.key} {day.isoformat()} {at:%H:%M}".encode()) % 5 < 2


def _free_times(database: sqlite3.Connection, doctor: Doctor, day: date) -> list[time]:
    if day.weekday() not in doctor.weekdays or _is_holiday(day):
        return []
    query = "SELECT time FROM appointments WHERE doctor = ? AND day = ? AND state = ?"
    rows = database.execute(query, (doctor.key, day.isoformat(), _BOOKED))
    booked = {row[0] for row in rows}
    return [
        at
        for at in _TIMES
        if (at < _NOON or day.weekday() != _WEDNESDAY)
        and f"{at:%H:%M}" not in booked
        and not _is_taken_by_others(doctor, day, at)
    ]


def _booked(database: sqlite3.Connection, number: str, reference: int) -> Appointment:
    row = database.execute(
        f"{_SELECT} WHERE id = ? AND patient = ? AND state = ?", (reference, number, _BOOKED)
    ).fetchone()
    if row is None:
        raise NoAppointment(number)
    return _appointment(row)


def _by_key(database: sqlite3.Connection, key: str | None) -> Appointment | None:
    if not key:
        return None
    row = database.execute(f"{_SELECT} WHERE idempotency_key = ?", (key,)).fetchone()
    return _appointment(row) if row else None


def _insert(
    database: sqlite3.Connection, number: str, doctor: str, day: date, at: time, key: str | None
) -> Appointment:
    cursor = database.execute(
        "INSERT INTO appointments"
        " (patient, doctor, day, time, state, changed_at, idempotency_key)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, doctor, day.isoformat(), f"{at:%H:%M}", _BOOKED, now(), key or None),
    )
    reference = cursor.lastrowid
    assert reference is not None  # a row was inserted
    return _booked(database, number, reference)


def _enter_standing(database: sqlite3.Connection, patient: Patient, since: date) -> None:
    known = database.execute("SELECT 1 FROM known WHERE patient = ?", (patient.number,)).fetchone()
    if known is not None:
        return
    database.execute("INSERT INTO known VALUES (?)", (patient.number,))
    if patient.standing is None:
        return
    doctor = DOCTORS[patient.standing]
    for ahead in range(7, _LOOK_AHEAD_DAYS):
        day = since + timedelta(days=ahead)
        if times := _free_times(database, doctor, day):
            _insert(database, patient.number, doctor.key, day, times[0], None)
            return

"""What a check of ``trunkline doctor`` says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``advice`` is empty when all is well."""

    subject: str
    status: Status
    detail: str
    advice: str = ""

"""What a check of a flow comes to: findings with a line, and proofs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trunkline.flows.schema.source import Complaint, Source, YamlPath, dotted


class Severity(StrEnum):
    """``ERROR``: some call will go wrong. ``WARNING``: something written has no effect, or may."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step on the way of a counter-example: where the call is, and why it got there."""

    step: str
    why: str
    line: int

    def __str__(self) -> str:
        return f"{self.step} (line {self.line}): {self.why}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to fix: what is wrong (``message``), what to change (``advice``), and where.

    ``line`` is the line of ``where``, a dotted path, in the YAML. ``way`` is a way a call can take
    that shows it, step by step; empty when the text alone does.
    """

    severity: Severity
    code: str
    line: int
    where: str
    message: str
    advice: str = ""
    way: tuple[Hop, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


@dataclass(frozen=True, slots=True)
class Proof:
    """No call gets to the high-risk ``tool`` at ``step`` but through one of ``checks``.

    ``checks`` are the steps that establish who is calling; whatever happens there, the tool is
    parked for a person's approval.
    """

    step: str
    tool: str
    line: int
    checks: tuple[str, ...]


class Report:
    """Gathers findings about one source; a fault is reported once for a place and code."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._found: dict[tuple[str, str, str], Finding] = {}

    def line(self, path: YamlPath) -> int:
        return self.source.line_of(path)

    def is_written(self, path: YamlPath) -> bool:
        """Whether the file says so itself, rather than leaving it to a default."""
        return path in self.source.lines

    def error(
        self,
        code: str,
        path: YamlPath,
        message: str,
        advice: str = "",
        way: tuple[Hop, ...] = (),
    ) -> None:
        self._add(Severity.ERROR, code, path, message, advice, way)

    def warning(
        self,
        code: str,
        path: YamlPath,
        message: str,
        advice: str = "",
        way: tuple[Hop, ...] = (),
    ) -> None:
        self._add(Severity.WARNING, code, path, message, advice, way)

    def _add(
        self,
        severity: Severity,
        code: str,
        path: YamlPath,
        message: str,
        advice: str,
        way: tuple[Hop, ...],
    ) -> None:
        where = dotted(path)
        finding = Finding(severity, code, self.line(path), where, message, advice, way)
        self._found.setdefault((code, where, message), finding)

    def findings(self) -> tuple[Finding, ...]:
        """In the order of their lines, errors first within a line."""
        return tuple(
            sorted(self._found.values(), key=lambda f: (f.line, f.severity, f.code, f.message))
        )


def as_finding(complaint: Complaint) -> Finding:
    """What the loader refuses is an error like any other."""
    return Finding(Severity.ERROR, "refused", complaint.line, complaint.where, complaint.message)

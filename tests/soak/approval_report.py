"""A storm from its beginning to its reckoning, and what is printed of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.peers.drivers.postgres import private_postgres
from tests.peers.drivers.redis import private_redis
from tests.soak.approval_reckoning import Books, Invariant, judge, read_books, table
from tests.soak.approval_storm import Outcome, Plan, percentiles, storm

from trunkline.storage.engine import open_sessions


@dataclass(frozen=True, slots=True)
class Report:
    outcome: Outcome
    books: Books
    invariants: Sequence[Invariant]

    @property
    def broken(self) -> list[str]:
        return [f"{one.name}: {what}" for one in self.invariants for what in one.broken]

    def __str__(self) -> str:
        out, books = self.outcome, self.books
        states = Counter(row.state for row in books.approvals)
        lines = [
            f"seed {out.plan.seed}: {len(books.approvals)} approvals in {out.took_s:.0f} s"
            f" ({len(books.approvals) / max(out.took_s, 1):.1f} a second), at rest"
            f" {out.settled_s:.0f} s later; {out.lost_with_their_edge} questions died with their"
            " edge and were asked again",
            f"faults: {_counts(out.faults)}",
            f"kinds: {_counts(out.kinds)}",
            f"became: {_counts(states)}",
            f"answers: {_counts(Counter(out.answers))}",
            f"the service was asked {books.ledger.asked} times;"
            f" {len(books.ledger.hooks)} deliveries of {len(books.outbox)} events",
        ]
        if len(out.decided_to_effect_ms) > 1:
            p50, p95 = percentiles(out.decided_to_effect_ms)
            lines.append(
                f"a grant's 200 to its effect, nothing killed, {len(out.decided_to_effect_ms)}"
                f" of them: p50 {p50:.0f} ms, p95 {p95:.0f} ms"
            )
        return "\n".join([*lines, table(self.invariants)])


async def report_of(plan: Plan, database: str, folder: Path) -> Report:
    """``database``: sqlite or postgresql; everything is private to it, in ``folder``."""
    (folder / "var").mkdir(parents=True)
    with private_redis() as redis, ExitStack() as stack:
        postgres, url = None, f"sqlite+aiosqlite:///{folder / 'storm.db'}"
        if database == "postgresql":
            postgres = stack.enter_context(private_postgres())
            url = postgres.create("storm")
        outcome = await storm(plan, folder, redis, postgres, url)
        sessions = open_sessions(url)
        try:
            books = await read_books(sessions, outcome)
        finally:
            await sessions.close()
    return Report(outcome, books, judge(books, outcome))


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))

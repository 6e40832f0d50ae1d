"""From a person's decision to the caller's ear, and from a call's request to a person's screen.

    python -m benchmarks.approvals [--trials 30] [--callers 3] [--limit-s 300]

One installation, callers who pay again and again, a real Chromium with the inbox open. The caller's
side is timed by the first packet with speech at its socket after a silence; the screen by a
MutationObserver; a click by the page's own pointer event. All clocks are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from playwright.async_api import BrowserContext, Page
from tests.peers.conversation.event_log import CallLog, fact, turn_of
from tests.peers.drivers.chromium import chromium, log_in
from tests.peers.drivers.deciders import PASSWORD, Decider, deciding, hire
from tests.peers.drivers.installation import Installation, running

from benchmarks.calls import spread
from benchmarks.machine import commit, machine, table
from benchmarks.rtp_caller import SPEECH_DBFS, RtpCaller
from trunkline.flows.catalog import SHIPPED_AGENTS

NUMBER: Final = "299"
ACCOUNT: Final = "44217740"
KINDS: Final = ("grant by API", "grant by click", "refusal by API")
HOLD: Final = "A colleague is asked."
PAYMENTS_A_CALL: Final = 6
QUIET_S: Final = 0.4
DEADLINE_S: Final = 30.0
SCREEN: Final = """
window.seen = {};
new MutationObserver(() => {
  for (const row of document.querySelectorAll("[data-queue] [data-approval]"))
    window.seen[row.dataset.approval] ??= performance.timeOrigin + performance.now();
}).observe(document.querySelector("[data-queue]"), {childList: true, subtree: true});
"""
CLICKED: Final = """
addEventListener("pointerdown", () =>
  sessionStorage.setItem("pressed", performance.timeOrigin + performance.now()), true);
"""


def write_agent(folder: Path) -> None:
    """The energy supplier, with a short word where the caller begins to wait."""
    text = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
    start = text.index("        Thank you. A colleague has to approve your payment of")
    end = text.index("      not_yet:", start)
    text = text[:start] + f"        {HOLD}\n" + text[end:]
    text = text.replace("  name: energy\n", "  name: brief\n", 1)
    (folder / "brief.yaml").write_text(text, encoding="utf-8")


@dataclass
class Figures:
    """Milliseconds, an entry a trial; ``missed``: why a trial came to no figure."""

    heard_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    parked_at: dict[str, float] = field(default_factory=dict)
    on_screen_ms: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    stages_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def passed(self, times: Mapping[str, float]) -> None:
        """One granted payment: when it was where, in order."""
        for (_, before), (stage, at) in pairwise(times.items()):
            self.stages_ms[stage].append((at - before) * 1000)

    def rows(self) -> Iterator[tuple[str, str]]:
        for kind in KINDS:
            times = self.heard_ms[kind]
            yield (
                f"{kind} → first packet of the outcome ({len(times)}), p50 / p95 / max",
                spread(times),
            )
        for stage, times in self.stages_ms.items():
            yield f"of a grant by API: {stage}, p50 / p95 / max", spread(times)
        shown = self.on_screen_ms
        yield (
            f"request → on the supervisor's screen ({len(shown)}), p50 / p95 / max",
            spread(shown),
        )


class Trials:
    """What is left to try, taken by whichever caller is ready; nothing once the time is over."""

    def __init__(self, each: int, limit_s: float) -> None:
        refusals = max(1, each // 3)
        self._left = [kind for _ in range(each) for kind in KINDS[:2]] + [KINDS[2]] * refusals
        random.Random(1).shuffle(self._left)
        self._until = time.monotonic() + limit_s

    def next(self) -> str | None:
        return self._left.pop() if self._left and time.monotonic() < self._until else None


@dataclass
class Inbox:
    """Two tabs of one supervisor: one only looks, the other clicks, one decision at a time."""

    watching: Page
    clicking: Page
    decider: Decider
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def decide(self, kind: str, approval_id: str) -> float:
        """When it was sent or clicked, as seconds since the epoch."""
        if kind == "grant by click":
            return await self._click(approval_id)
        seen = await self.decider.show(approval_id)
        at = time.time()
        if kind == "grant by API":
            await self.decider.grant(seen)
        else:
            await self.decider.refuse(seen, "as was to be tried")
        return at

    async def _click(self, approval_id: str) -> float:
        async with self._one:
            await self.clicking.goto(f"/approvals/{approval_id}")
            await self.clicking.locator("[data-grant] button").click()
            await self.clicking.wait_for_selector(".notice:has-text('Approved')")
            pressed = await self.clicking.evaluate("Number(sessionStorage.getItem('pressed'))")
            return float(pressed) / 1000

    async def seen(self) -> dict[str, float]:
        """When each request came on the screen, as seconds since the epoch."""
        found: dict[str, float] = await self.watching.evaluate("window.seen")
        return {name: at / 1000 for name, at in found.items()}


@asynccontextmanager
async def open_inbox(installation: Installation, profile: Path) -> AsyncIterator[Inbox]:
    await hire(installation, "sam", "supervisor")
    url = f"http://127.0.0.1:{installation.web_port}"
    async with deciding(installation) as decider, chromium(url, profile) as browser:
        watching = await _tab(browser)
        await watching.evaluate(SCREEN)
        clicking = await browser.new_page()
        await clicking.add_init_script(CLICKED)
        yield Inbox(watching, clicking, decider)


async def _tab(browser: BrowserContext) -> Page:
    page = await log_in(browser, "sam", PASSWORD)
    await page.goto("/approvals")
    await page.wait_for_selector("[data-feed-state=live]")
    return page


async def pay_again_and_again(
    installation: Installation, user: str, trials: Trials, inbox: Inbox, figures: Figures
) -> None:
    kind = trials.next()
    while kind is not None:
        log = CallLog(installation.data_dir, user)
        async with RtpCaller("127.0.0.1", installation.sip_port, NUMBER, user) as caller:
            await caller.invite()
            await _step(log, "menu")
            await caller.press("3")
            await _step(log, "payment_account")
            await caller.press(ACCOUNT)
            try:
                for _ in range(PAYMENTS_A_CALL):
                    if kind is not None:
                        await _pay(caller, log, kind, inbox, figures)
                        kind = trials.next()
            except (AssertionError, TimeoutError) as exc:
                figures.missed.append(f"{kind}: {str(exc).partition(chr(10))[0]}")
                kind = trials.next()


async def _pay(caller: RtpCaller, log: CallLog, kind: str, inbox: Inbox, figures: Figures) -> None:
    await _step(log, "payment_amount")
    await caller.press("1*00#")
    await log.next("the read-back", lambda entry: entry["event"] == "speech_started", DEADLINE_S)
    await caller.press("1")
    parked = await log.next(
        "request", lambda entry: fact(entry).get("fact") == "approval_parked", DEADLINE_S
    )
    approval_id = str(fact(parked)["approval_id"])
    figures.parked_at[approval_id] = datetime.fromisoformat(fact(parked)["at"]).timestamp()
    await log.next("holding line", lambda e: HOLD in turn_of(e).get("text", ""), DEADLINE_S)
    await _quiet(caller)
    decided_at = await inbox.decide(kind, approval_id)
    heard_at = await caller.first_loud(decided_at - (time.time() - time.perf_counter()), DEADLINE_S)
    heard_at += time.time() - time.perf_counter()
    figures.heard_ms[kind].append((heard_at - decided_at) * 1000)
    if kind == "grant by API":
        news = await log.next(
            "news", lambda e: fact(e).get("fact") == "approval_heard" and fact(e)["state"] == "done"
        )
        deeds = (await inbox.decider.show(approval_id))["deeds"]
        done = {deed["deed"]: datetime.fromisoformat(deed["at"]).timestamp() for deed in deeds}
        figures.passed(
            {
                "decided": decided_at,
                "written down": done["grant"],
                "begun by the worker": done["begin"],
                "done by the service": done["finish"],
                "known to the call": datetime.fromisoformat(fact(news)["at"]).timestamp(),
                "heard": heard_at,
            }
        )
    await _step(log, "anything_else")
    await caller.press("3")


async def _step(log: CallLog, name: str) -> None:
    def is_entered(entry: dict[str, Any]) -> bool:
        return fact(entry).get("fact") == "step_entered" and fact(entry)["step"] == name

    await log.next(f"step {name}", is_entered, DEADLINE_S)


async def _quiet(caller: RtpCaller) -> None:
    """Nothing was heard for a while: what comes next is the outcome."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            now = time.perf_counter()
            if not any(p.dbfs > SPEECH_DBFS for p in caller.packets[-100:] if now - p.at < QUIET_S):
                return
            caller.got_packet.clear()
            await caller.got_packet.wait()


async def measure(
    installation: Installation, folder: Path, each: int, callers: int, limit_s: float
) -> Figures:
    """``each`` trials of grants by API and by click, by so many callers at once."""
    figures, trials = Figures(), Trials(each, limit_s)
    async with open_inbox(installation, folder / "profile") as inbox:
        async with asyncio.TaskGroup() as calls:
            for number in range(callers):
                user = f"bench{number}"
                calls.create_task(
                    pay_again_and_again(installation, user, trials, inbox, figures), name=user
                )
        seen = await inbox.seen()
    figures.on_screen_ms = [
        (seen[name] - at) * 1000 for name, at in figures.parked_at.items() if name in seen
    ]
    unseen = len(figures.parked_at) - len(figures.on_screen_ms)
    if unseen:
        figures.missed.append(f"{unseen} requests never came on the screen")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30, help="grants by API and by click")
    parser.add_argument("--callers", type=int, default=3, help="at once")
    parser.add_argument("--limit-s", type=float, default=300, help="begin no trial after that")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"machine: {machine()}\ncommit: {commit()}\ncommand: python -m benchmarks.approvals")
    print(f"load before: {load:.1f}{' (loaded)' if load > 2 else ''}")
    with tempfile.TemporaryDirectory(prefix="tl-bench-") as scratch:
        folder = Path(scratch)
        (folder / "agents").mkdir()
        write_agent(folder / "agents")
        numbers = [{"number": NUMBER, "agent": "brief", "trunk": "local"}]
        with running(
            folder / "var",
            TRUNKLINE_AGENTS_DIR=str(folder / "agents"),
            TRUNKLINE_NUMBERS=json.dumps(numbers),
        ) as installation:
            figures = asyncio.run(
                measure(installation, folder, options.trials, options.callers, options.limit_s)
            )
    table("Approvals", list(figures.rows()))
    for why in figures.missed:
        print(f"missed: {why}")


if __name__ == "__main__":
    main()

"""Callers who want to pay, up to where a person is asked; and what the supplier's books say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import httpx
from tests.peers.conversation.caller import Caller
from tests.peers.conversation.event_log import fact
from tests.peers.drivers.deciders import Decider
from tests.peers.drivers.installation import Installation

from trunkline.flows.catalog import SHIPPED_AGENTS

HURRIED: Final = "205"
"""The energy supplier with little patience: soon the next is asked, and soon nobody any more."""
KEEPING: Final = "206"
"""The energy supplier for whom what was asked stays asked when the caller leaves."""
_CHANGES: Final = {
    "hurried": {
        "levels: [{role: supervisor, within_s: 60}, {role: manager, within_s: 60}]": (
            "levels: [{role: supervisor, within_s: 10}, {role: manager, within_s: 60}]"
        ),
        "expires_s: 180": "expires_s: 22",
        "remind_s: 30": "remind_s: 5",
    },
    "keeping": {"when_caller_leaves: abandon": "when_caller_leaves: keep"},
}
NUMBERS: Final = ((HURRIED, "hurried"), (KEEPING, "keeping"))


def write_agents(folder: Path) -> None:
    shipped = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
    for name, changes in _CHANGES.items():
        text = shipped
        for was, now in ({"  name: energy\n": f"  name: {name}\n"} | changes).items():
            assert text.count(was) == 1, was
            text = text.replace(was, now)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def uri_of(installation: Installation, number: str) -> str:
    return f"sip:{number}@127.0.0.1:{installation.sip_port}"


async def ask_to_pay(caller: Caller, account: str, amount: str) -> None:
    """By keys, before what would be said is said; until the read-back is confirmed."""
    await until_step(caller, "menu")
    await caller.key("3")
    await until_step(caller, "payment_account")
    await caller.key(account)
    await until_step(caller, "payment_amount")
    await key_amount(caller, amount)


async def key_amount(caller: Caller, amount: str) -> None:
    await caller.key(f"{amount.replace('.', '*')}#")
    await caller.hears("Is that right")
    await caller.key("1")


async def until_step(caller: Caller, step: str) -> None:
    """The flow has come to a step."""

    def is_entered(entry: dict[str, Any]) -> bool:
        return fact(entry).get("fact") == "step_entered" and fact(entry)["step"] == step

    await caller.log.next(f"step {step}", is_entered)


async def the_asked(caller: Caller, decider: Decider) -> dict[str, Any]:
    """The one request of the call that is open, once it can be decided."""
    entry = await caller.log.next(
        "request for an approval", lambda entry: fact(entry).get("fact") == "approval_parked"
    )
    approval_id = fact(entry)["approval_id"]
    await caller.hears("Nothing has been taken yet")
    (asked,) = [
        one for one in await decider.asked(caller.log.call_id) if one["approval_id"] == approval_id
    ]
    return asked


def books_of(installation: Installation, account: str) -> dict[str, Any]:
    """What the energy supplier's own service says of an account now."""
    url = f"http://127.0.0.1:{installation.web_port + 3}/accounts/{account}"
    with httpx.Client(timeout=10, trust_env=False) as client:
        answers = [
            client.get(f"{url}/{part}").raise_for_status().json()
            for part in ("readings", "payments", "balance")
        ]
    return {key: value for answer in answers for key, value in answer.items()}


def paid(installation: Installation, account: str) -> list[str]:
    """The amounts of every payment on an account, in order."""
    return [one["amount"] for one in books_of(installation, account)["payments"]]

"""A front desk whose every key is another way to a person, and the persons behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.peers.conversation.caller import Caller
from tests.peers.conversation.event_log import fact
from tests.peers.drivers.baresip import Baresip, baresip
from tests.peers.drivers.tones import tone, write_wav

CALLER_HZ: Final = 500.0
PERSON_HZ: Final = 700.0
BRIEFING: Final = "A caller would like to pay a bill."

# Its name is the sample agent's, so that it answers the sample's number.
FLOW: Final = f"""\
agent: {{name: energy, display_name: Front Desk, voice: coral}}
start: menu
variables:
  desk: {{default: "sip:desk@192.0.2.7", from_env: DESK}}
  second_desk: {{default: "sip:desk@192.0.2.8", from_env: SECOND_DESK}}
intents:
  colleague:
    label: a colleague
    description: The caller wants a colleague.
    examples: [a colleague please, somebody who can help me, may i talk to a colleague]
    goto: warm
escalation:
  complaint:
    keywords: [a formal complaint]
    urgency: high
    say: A supervisor is told.
steps:
  menu:
    say: Whom would you like to talk to?
    listen:
      intents: [colleague]
      keys: {{"1": warm, "2": keyed, "3": queue, "4": who, "5": checked}}
  warm:
    say: I will ask a colleague.
    transfer: "{{{{ desk }}}}"
    mode: warm
    briefing: {BRIEFING}
    ring_s: 4
    on_failure:
      busy: {{say: They are talking to somebody., goto: menu}}
      no_answer: {{say: Nobody picked up., goto: menu}}
      otherwise: {{say: They will not come., goto: menu}}
  keyed:
    transfer: "{{{{ desk }}}}"
    mode: warm
    briefing: {BRIEFING}
    needs_key: true
    on_failure: {{say: They will not come., goto: menu}}
  checked:
    transfer: "{{{{ desk }}}}"
    mode: warm
    briefing: {BRIEFING}
    answered_by_machine: no_answer
    on_failure:
      no_answer: {{say: Nobody picked up., goto: menu}}
      otherwise: {{say: They will not come., goto: menu}}
  queue:
    say: Please hold.
    queue:
      name: support
      targets: ["{{{{ desk }}}}", "{{{{ second_desk }}}}"]
      announce_every_s: 8
      announce: "You are number {{{{ queue_position }}}} in the queue."
      callback_key: "9"
      ring_s: 4
      max_wait_s: 60
    on_callback: {{say: We will call you back.}}
    on_timeout: {{say: Nobody came., goto: menu}}
    on_unavailable: {{say: The desk is closed., goto: menu}}
  who: {{voicemail: {{human: person, machine: menu, unknown: menu}}}}
  person: {{say: You are a person., next: menu}}
"""

# What is dialled: it leaves a message where a machine answers.
CALLBACK: Final = """\
agent: {name: callback, display_name: Front Desk, voice: coral}
start: who
steps:
  who: {voicemail: {human: person, machine: beep, unknown: person}}
  person: {say: You are a person., next: bye}
  beep: {say: Please call us back., after_beep: true, next: bye}
  bye: {say: Goodbye., hang_up: done}
"""


@asynccontextmanager
async def person(folder: Path, sip_port: int, *, answers: bool = True) -> AsyncIterator[Baresip]:
    """A colleague's phone; answering, it hums."""
    folder.mkdir(parents=True)
    hum = write_wav(folder / "hum.wav", tone(PERSON_HZ, 8000, 60), 8000)
    async with baresip(
        folder / "phone", hum, user="desk", codec="PCMU", answers=answers, sip_port=sip_port
    ) as phone:
        yield phone


async def hum(caller: Caller, folder: Path) -> None:
    """The caller makes a sound of their own from now on."""
    file = write_wav(folder / "caller-hum.wav", tone(CALLER_HZ, 8000, 60), 8000)
    await caller.phone.command("ausrc", f"aufile,{file}")


async def until_state(caller: Caller, state: str, deadline_s: float = 20) -> float:
    """The call has come to a state; seconds since the answer."""
    entry = await caller.log.next(state, lambda e: fact(e).get("state") == state, deadline_s)
    return float(entry["at_ms"]) / 1000

"""Two small agents whose versions are told apart by what they say."""

from __future__ import annotations


def desk(greeting: str, hours: str) -> str:
    """Key 7 tells the hours, key 8 hands the call to ``annex``."""
    return f"""\
agent: {{name: energy, display_name: Front Desk}}
start: hello
intents:
  hours:
    label: our hours
    description: When we are open.
    examples: [when are you open, opening hours]
    goto: hours
steps:
  hello: {{say: "{greeting}", next: menu}}
  menu:
    say: Press seven for the hours, or eight for the annex.
    listen: {{intents: [hours], keys: {{"7": hours, "8": annex, "9": bye}}}}
  hours: {{say: "{hours}", next: menu}}
  annex: {{handoff: annex}}
  bye: {{say: Goodbye., hang_up: done}}
"""


def annex(greeting: str) -> str:
    return f"""\
agent: {{name: annex, display_name: Annex}}
start: hello
intents:
  end: {{label: the end, description: They are done., examples: [that is all], goto: bye}}
steps:
  hello: {{say: "{greeting}", next: menu}}
  menu: {{say: Press nine to end., listen: {{intents: [end], keys: {{"9": bye}}}}}}
  bye: {{say: Goodbye., hang_up: done}}
"""

"""Flows of a kiosk, small and each another version; and one with planted mistakes."""

from __future__ import annotations

from typing import Final


def shop(greeting: str, agent: str = "kiosk") -> str:
    return f"""\
agent: {{name: {agent}, display_name: Corner Kiosk}}
start: hello
steps:
  hello: {{say: "{greeting}", next: bye}}
  bye: {{say: Goodbye., hang_up: done}}
"""


BROKEN: Final = """\
agent: {name: kiosk, display_name: Corner Kiosk}
start: hello
steps:
  hello: {say: "Hello {{ nobody }}.", next: nowhere}
  bye: {say: Goodbye., hang_up: done}
"""
NEEDS_ENVIRONMENT: Final = """\
agent: {name: kiosk, display_name: Corner Kiosk}
start: hello
variables:
  place: {from_env: SHOP_PLACE}
steps:
  hello: {say: "Hello from {{ place }}.", hang_up: done}
"""

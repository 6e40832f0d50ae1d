"""A small flow with one step of every kind, and ways to change it."""

from __future__ import annotations

from typing import Final

LIBRARY: Final = """\
agent:
  name: library
  display_name: Hill Street Library
  voice: coral
start: welcome
variables:
  place: Hill Street Library
  desk: {default: "sip:desk@127.0.0.1:5070", from_env: LIBRARY_DESK}
allow_hosts: ["127.0.0.1:9"]
keys: {"0": desk}
instructions: You answer the phone of {a library}.
policies:
  no_input:
    after_ms: 5000
    reprompts: ["Are you still there?", "Please say something, or press zero."]
    then: {say: I will hang up now.}
  no_match:
    reprompts: ["Sorry, once more?"]
    then: {say: Let me get someone., goto: desk}
    max_engine_turns: 3
  tool_failure:
    say: That did not work. I will try again.
    limit: 1
    then: {say: "Our system is down.", goto: more}
  engine_failure: {say: I have a technical problem. Goodbye.}
  goodbye: Goodbye.
intents:
  loans:
    label: your loans
    description: The caller asks what they have borrowed.
    examples: [what have i borrowed, my loans]
    goto: card
  fine:
    label: paying a fine
    description: The caller wants to pay a fine.
    examples: [pay my fine]
    goto: fine_amount
  desk:
    label: a person
    description: The caller wants a person.
    examples: [a person please, talk to someone]
    goto: desk
    everywhere: true
  again:
    label: repeating
    description: The caller did not hear.
    examples: [say that again]
    does: repeat
    everywhere: true
  bye:
    label: ending the call
    description: The caller says goodbye.
    examples: [goodbye]
    goto: bye
    everywhere: true
tools:
  get_loans:
    description: Loans of a card.
    parameters:
      type: object
      properties: {card: {type: string}}
      required: [card]
    http:
      url: "http://127.0.0.1:9/cards/{{ card }}"
      errors: {404: not_found}
    while_running: One moment.
    still_running: Still looking.
    timeout_s: 2
  pay_fine:
    description: Pay a fine.
    risk: high
    idempotency_key: true
    parameters:
      type: object
      properties: {card: {type: string}, amount: {type: string}}
      required: [card, amount]
    http: {method: POST, url: "http://127.0.0.1:9/fines", body: {card: "{{ card }}"}}
steps:
  welcome:
    say:
      - {text: This call is recorded., interruptible: false}
      - "Welcome to {{ place }}."
    next: menu
  menu:
    say: How can I help?
    listen: {intents: [loans, fine], keys: {"1": card}}
  card:
    collect:
      card:
        kind: digits
        length: 6
        description: card number
        ask: What is your card number?
        reprompts: [The six digits please., Key them in and press hash.]
        read_back: "I have {value}. Right?"
    reuse: true
    next: look
  look:
    tool: get_loans
    arguments: {card: "{{ card }}"}
    save_as: loans
    next: any_loans
    on_failure:
      not_found:
        {say: I cannot find that card., goto: card, forget: [card], limit: 1, then: {goto: desk}}
  any_loans:
    branch:
      - {when: loans.count == 0, goto: none}
    otherwise: some
  none:
    say: You have nothing on loan.
    next: more
  some:
    say: "You have {{ loans.count }} on loan until {{ loans.due | say_date }}."
    next: more
  more:
    say: Anything else?
    listen: {intents: {loans: null, fine: null, bye: bye}, no_input_ms: 4000}
  fine_amount:
    collect:
      card: {kind: digits, length: 6, description: card number, ask: "Your card number?"}
      amount:
        kind: amount
        description: amount
        ask: How much?
        minimum: 1
        maximum: 50
        confirm: always
        read_back: "You want to pay {value}?"
    next: pay
  pay:
    tool: pay_fine
    arguments: {card: "{{ card }}", amount: "{{ amount }}"}
    next: paid
    on_parked: {say: A colleague will look at it. Nothing is paid yet., goto: more}
  paid:
    say: It is paid.
    next: more
  desk:
    say: I will put you through.
    transfer: "{{ desk }}"
    on_failure: {say: Nobody is free., goto: more}
  bye:
    say: Goodbye.
    hang_up: done
"""


def changed(*replacements: tuple[str, str]) -> str:
    """The sample with texts replaced; each must be there."""
    text = LIBRARY
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text

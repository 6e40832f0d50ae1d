"""What patterns alone find of advice, promises and profanity, and what they leave alone."""

from __future__ import annotations

import pytest

from trunkline.flows.guard.pack import Side, shipped_packs
from trunkline.flows.guard.verdict import Guard

SWEARING = (
    "what the f*ck is this",
    "f u c k off",
    "you're a total arsehole",
    "bloody hell how much longer",
    "That customer is an idiot.",
    "this freaking app",
    "don't be such a prick",
    "your company sucks",
    "you greedy pigs",
    "he's a lying b*stard",
)
INNOCENT = (
    "finger prick test on monday",
    "i've got a bloody nose",
    "i'm such an idiot it was in my bag",
    "Dick Brown speaking",
    "the vacuum sucks up water",
    "we shut up shop at six",
    "the kids are freaking out",
    "a flame retardant sofa from scunthorpe",
)
ASKED = (
    ("medical_advice", "could i take ibuprofen on top of my blood pressure tablets"),
    ("medical_advice", "is it okay to drink wine after my antibiotics"),
    ("legal_advice", "how can i get a restraining order against him"),
    ("legal_advice", "is my dad's handwritten will legally worth anything"),
    ("financial_advice", "should we remortgage before the spring"),
    ("financial_advice", "is it a good time to get into bonds"),
)
SAID = (
    ("medical_advice", "You should stop taking those antidepressants."),
    ("medical_advice", "It sounds like a classic migraine."),
    ("legal_advice", "You could easily win against your employer."),
    ("legal_advice", "A judge would side with you."),
    ("financial_advice", "I'd put my money in an index fund."),
    ("financial_advice", "House prices are bound to fall."),
    ("promises", "I'll waive the charge for you."),
    ("promises", "You'll get every penny of it back, you have my word."),
    ("promises", "There's no way that it can be late."),
)
ASKED_FOR_BUSINESS = (
    "can i take my medication on the plane",
    "should i take my tablets with me to the appointment",
    "i take two tablets a day and need a refill",
    "is it okay to stop by for my medication at nine",
    "could this be a virus on my laptop",
    "do you offer flu jabs at your clinic",
    "can my neighbour keep the parcel for me till monday",
    "does the company keep recordings",
    "what's the penalty for cancelling late",
    "should i pay off the rest of my phone now",
    "where do i put the money for the parking machine",
    "i'd like to refinance my loan with you who do i talk to",
    "is now a good time to buy tickets or should i wait",
)
SAID_ON_BUSINESS = (
    "You can take your tablets into the cabin.",
    "She has asthma, I noted that for the school trip.",
    "You need to reduce the dose of detergent.",
    "Try the tablet in airplane mode.",
    "I can't say whether that is legal, please ask a lawyer.",
    "Tampering with the seal is against the law, so I can't help with it.",
    "Your contract is legally binding from the day you sign.",
    "You're liable for the excess under the policy.",
    "Gold is the best of our plans.",
    "Put your money in the slot and press two.",
    "We never ask you to move your money to a safe account.",
    "You won't be charged for this call.",
    "You'll definitely need your passport.",
    "I can't give you my word on that.",
    "There is no way to change it online.",
    "You'll get a full refund if you cancel before six.",
)


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard(shipped_packs(), None)


def found(guard: Guard, text: str, side: Side) -> set[str]:
    return {one.category for one in guard.judge(text, side).findings}


@pytest.mark.parametrize("side", Side)
def test_swearing_is_found_and_what_sounds_alike_is_not(guard: Guard, side: Side) -> None:
    missed = [text for text in SWEARING if "profanity" not in found(guard, text, side)]
    false = [text for text in INNOCENT if found(guard, text, side)]
    assert (missed, false) == ([], [])


def test_the_frames_of_advice_and_promises_are_found_in_words_no_example_has(guard: Guard) -> None:
    missed = [text for category, text in ASKED if category not in found(guard, text, Side.INPUT)]
    missed += [text for category, text in SAID if category not in found(guard, text, Side.OUTPUT)]
    assert missed == []


def test_the_same_words_in_the_business_of_a_call_are_left_alone(guard: Guard) -> None:
    false = [text for text in ASKED_FOR_BUSINESS if found(guard, text, Side.INPUT)]
    false += [text for text in SAID_ON_BUSINESS if found(guard, text, Side.OUTPUT)]
    assert false == []

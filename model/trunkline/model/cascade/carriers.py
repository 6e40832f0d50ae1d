"""Words people put round what they want, in any trade: shipped with the platform, no flow's own."""

from __future__ import annotations

from typing import Final

# Before an intent: "i want to | pay my bill".
LEAD_INS: Final = (
    "i want to", "i'd like to", "i would like to", "i need to", "i want", "i'd like", "i need",
    "can i", "could i", "can you", "could you", "i'm calling to", "i am calling about",
    "i'm calling about", "please", "hi", "hello", "yes", "okay", "um", "uh", "well", "so",
    "can i please", "could you please", "i have a question about", "tell me", "let me",
    "i wanted to", "i was wondering", "help me",
)  # fmt: skip

# Before a value: "it's | four four one seven".
VALUE_LEAD_INS: Final = (
    "it's", "it is", "that's", "that is", "yes it's", "sure it's", "okay it's", "um", "uh", "yes",
    "okay", "sure", "the number is", "my number is", "i think it's", "it would be", "well",
)  # fmt: skip

# Before a corrected value: "no it's | four four one seven".
CORRECTIONS: Final = (
    "no it's",
    "no it is",
    "no",
    "no i said",
    "sorry it's",
    "i meant",
    "no that's",
)

POLITE_ENDS: Final = ("please", "thank you", "thanks")

# Said alone or in pieces; they keep the n-gram model from hearing a declared phrase in every noise.
ASIDES: Final = (
    "um", "uh", "okay", "right", "well", "hello", "hi", "sorry", "thank you", "thanks", "bye",
    "hold on", "one moment", "just a second", "what", "pardon", "i don't know", "i'm not sure",
    "i don't have it", "i don't understand", "wait", "never mind", "can you hear me",
    "are you there", "i was going to say", "the thing is", "i don't remember", "let me see",
    "let me check", "how does that work", "what do you mean", "why", "when", "who is this",
    "is this a machine", "you know", "i mean", "actually", "my name is", "good morning",
    "good afternoon", "it does not work", "i'm here", "in the house", "my wife", "my husband",
    "the children", "on the phone", "this morning", "last week", "all the time", "at the moment",
    "a lot of", "do you know", "i think", "we have", "there is", "they said", "he told me",
    "she said", "what about", "for the", "with the", "to the", "from the", "in the", "of the",
    "and the",
)  # fmt: skip

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
    "okay", "sure", "i think it's", "it would be",
)  # fmt: skip

NUMBER_LEAD_INS: Final = ("the number is", "my number is")

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

# What a yes or no begins with when more is said than that, and of what the rest is made.
PLAIN_ANSWERS: Final = ("yes", "yeah", "yep", "no", "nope", "sure")
MORE: Final = (
    "i", "you", "it", "that", "that's", "it's", "i'm", "i'll", "i'd", "he", "she", "we", "they",
    "the", "a", "my", "your", "this", "is", "am", "are", "was", "be", "do", "don't", "not", "can",
    "can't", "will", "would", "have", "had", "want", "need", "like", "get", "go", "come", "call",
    "use", "take", "send", "give", "tell", "know", "think", "said", "to", "of", "for", "on", "in",
    "at", "with", "and", "but", "if", "so", "as", "there", "here", "now", "today", "later", "just",
    "please", "right", "good", "all", "any", "more", "very", "me", "her", "him",
)  # fmt: skip

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

# Everyday telephone English, for turns in which nothing is being asked: it lends the n-gram model
# words for what was not declared, so that a paraphrase keeps its shape and chatter stays chatter.
EVERYDAY: Final = (
    "i was told to call this number", "somebody called me yesterday", "is anybody there",
    "i spoke to someone last week", "i need some help", "it's about my account",
    "i have a problem with my phone", "my internet is not working", "i got a letter from you",
    "i am a new customer", "do you take credit cards", "i already paid that", "that is too much",
    "how long does it take", "where are you located", "i can't hear you very well",
    "could you speak up", "could you speak slower", "i would like some information",
    "what does it cost", "who am i talking to", "can somebody call me back", "on monday",
    "on tuesday", "on wednesday", "on thursday", "on friday", "on saturday", "on sunday",
    "in the morning", "in the afternoon", "in the evening", "at the weekend", "next week",
    "next month", "this month", "last month", "for my mother", "for my father", "for my son",
    "for my daughter", "for a friend", "with a human", "with somebody", "to someone",
    "with my card", "with my bank", "my email address", "my phone number", "my home address",
    "my password", "the contract", "the price", "the order", "the delivery", "the invoice",
    "the receipt", "a refund", "a complaint", "a question", "an appointment", "something wrong",
    "not today", "let me think", "as soon as possible", "it's raining again",
    "the dog wants to go out", "dinner is ready", "he is not at home", "she went to work",
    "they came back late", "we are watching television", "put it on the table", "look at that",
    "that was fun", "did you hear that", "i love this song", "turn it off", "open the door",
    "close the window", "where are my keys", "what's for lunch", "it was very expensive",
    "we had a good time", "the train was late", "my head hurts", "i bought a new car",
    "the water is cold", "people say a lot of things", "one of these days", "more or less",
    "as far as i know", "it doesn't matter", "you never know", "same as always", "a little bit",
    "over there", "because of the weather", "after that", "before we go", "during the night",
    "under the bed", "between us", "without sugar", "around the corner", "from time to time",
)  # fmt: skip

# Said to hear the question once more.
ASKS_AGAIN: Final = frozenset({
    "pardon", "what", "sorry", "repeat", "again", "come again", "say that again", "say again",
    "can you repeat that", "could you repeat that", "please repeat", "repeat that", "pardon me",
    "what did you say", "what was that", "i didn't hear you", "one more time",
})  # fmt: skip

"""English spoken values in one place: text to value and value to words.

Every ``parse_`` needs the whole text: a word that is neither part of the value nor a filler means
None ("seventeen elephants" is not 17).
"""

from __future__ import annotations

from trunkline.domain.spoken.amounts import (
    DOLLARS,
    EUROS,
    POUNDS,
    Currency,
    amount_readings,
    parse_amount,
    say_amount,
)
from trunkline.domain.spoken.answers import leading_answer, parse_yes_no
from trunkline.domain.spoken.dates import parse_date, say_date
from trunkline.domain.spoken.digits import digit_groups, digit_readings, parse_digits, say_digits
from trunkline.domain.spoken.numerals import (
    parse_cardinal,
    parse_ordinal,
    say_cardinal,
    say_ordinal,
    say_year,
)
from trunkline.domain.spoken.times import parse_time, say_time
from trunkline.domain.spoken.words import spoken_words, without_fillers

__all__ = [
    "DOLLARS",
    "EUROS",
    "POUNDS",
    "Currency",
    "amount_readings",
    "digit_groups",
    "digit_readings",
    "leading_answer",
    "parse_amount",
    "parse_cardinal",
    "parse_date",
    "parse_digits",
    "parse_ordinal",
    "parse_time",
    "parse_yes_no",
    "say_amount",
    "say_cardinal",
    "say_date",
    "say_digits",
    "say_ordinal",
    "say_time",
    "say_year",
    "spoken_words",
    "without_fillers",
]

"""Numbers that no prefix allows by accident: emergency services, and numbers that pay their owner.

Emergency numbers are those of ITU-T E.161.1, 3GPP TS 22.101 §10.1 and the larger national plans.
Premium prefixes are from the ITU's list of assigned country codes (+979, +878, +88x) and from the
national numbering plans; no list is ever complete, which is why a plan names what it allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trunkline.domain.errors import Forbidden

EMERGENCY: Final = frozenset(
    {
        "000", "101", "102", "103", "106", "107", "108", "110", "111", "112", "113",
        "115", "116", "117", "118", "119", "120", "122", "123", "128", "131", "132", "133", "144",
        "155", "158", "190", "191", "192", "193", "195", "199", "911", "913", "988", "990", "991",
        "994", "995", "996", "997", "998", "999",
    }
)  # fmt: skip

PREMIUM: Final = (
    "+1900",
    "+31900", "+31906", "+31909", "+3290", "+33892", "+33897", "+33899", "+34803", "+34806",
    "+34807", "+34905", "+351760", "+35860", "+35870", "+39892", "+39894", "+39895", "+39899",
    "+41900", "+41901", "+41906", "+42090", "+43900", "+43901", "+43930", "+43931",
    "+4487", "+449", "+4590", "+46900", "+46939", "+46944", "+4782", "+4870", "+49137", "+49900",
    "+61190", "+64900", "+7809",
    "+870", "+878", "+881", "+882", "+883", "+979",  # satellites, networks, shared revenue
)  # fmt: skip


def refuse_special(number: str, allowed: Sequence[str]) -> None:
    """Forbidden for an emergency or premium number that ``allowed`` does not name as such.

    An emergency number must be allowed digit for digit, a premium one by a prefix that reaches
    into the premium range: ``+44`` does not allow ``+449…``, ``+449098`` does.
    """
    if number.lstrip("+") in EMERGENCY and number not in allowed:
        raise Forbidden(
            "emergency services are not called by an agent; TRUNKLINE_OUTBOUND_PREFIXES must name"
            " the number itself to allow it",
            code="emergency_number",
        )
    for range_ in PREMIUM:
        if number.startswith(range_) and not any(
            prefix.startswith(range_) and number.startswith(prefix) for prefix in allowed
        ):
            raise Forbidden(
                f"numbers that begin with {range_} are premium or satellite numbers;"
                f" TRUNKLINE_OUTBOUND_PREFIXES must name {range_} or a longer prefix to allow it",
                code="premium_number",
            )

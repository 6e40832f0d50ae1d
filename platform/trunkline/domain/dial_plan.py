"""Whom we may call: a number must begin with an allowed prefix. Values only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import Forbidden, Invalid
from trunkline.domain.special_numbers import refuse_special
from trunkline.domain.trunk import normalise_number

# RFC 3261 §25.1, without the headers and passwords that a URI may carry and a target must not.
_SIP_URI: Final = re.compile(r"sips?:(?:[^\s@<>;?:]+@)?[\w.\-\[\]:]+(?:;[\w\-.=%]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class DialPlan:
    """``prefixes`` of numbers (E.164, with ``+``) that may be dialled; none allows no number.

    Emergency and premium numbers need a prefix of their own (``special_numbers``).
    ``allows_uris``: SIP URIs of other hosts than a trunk's may be dialled; they cost nothing.
    """

    prefixes: tuple[str, ...] = ()
    allows_uris: bool = True

    def check(self, target: str, *, leads_outside: bool) -> str:
        """The target as it is to be dialled; Invalid when it is none, Forbidden when not allowed.

        ``leads_outside``: a URI that leads to a carrier, whose user part is a number then.
        """
        if not target.startswith(("sip:", "sips:")):
            return self._number(target)
        if not _SIP_URI.fullmatch(target):
            raise Invalid("not a SIP URI: write sip:user@host or a number", code="bad_target")
        if leads_outside:
            user = target.partition(":")[2].partition("@")[0]
            self._number(user)
        elif not self.allows_uris:
            raise Forbidden("SIP URIs may not be dialled here", code="uri_not_allowed")
        return target

    def _number(self, raw: str) -> str:
        number = normalise_number(raw)
        if not any(number.startswith(prefix) for prefix in self.prefixes):
            allowed = ", ".join(self.prefixes) or "none"
            raise Forbidden(
                "the number is not in the dial plan; TRUNKLINE_OUTBOUND_PREFIXES allows: "
                + allowed,
                code="number_not_allowed",
            )
        refuse_special(number, self.prefixes)
        return number


def as_prefixes(given: Sequence[str]) -> tuple[str, ...]:
    """Prefixes as the plan wants them; Invalid names one that is none."""
    return tuple(normalise_number(prefix) for prefix in given)

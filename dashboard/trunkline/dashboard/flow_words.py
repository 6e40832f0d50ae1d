"""How what happened to a flow reads on a page. Pure; no markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trunkline.dashboard.formats import cause_tone
from trunkline.domain.call import EndCause
from trunkline.storage.flow_views import PublicationKind, Slots
from trunkline.storage.views import EndTally

KIND_WORDS: Final = {
    PublicationKind.PUBLISHED: "Published",
    PublicationKind.RESTORED: "Restored",
    PublicationKind.CANARY_STARTED: "Canary started",
    PublicationKind.CANARY_CHANGED: "Canary's share changed",
    PublicationKind.CANARY_STOPPED: "Canary stopped",
    PublicationKind.CANARY_PROMOTED: "Canary promoted",
    PublicationKind.WITHDRAWN: "Withdrawn",
}

DONE_WORDS: Final = {
    "saved": "Saved. Nothing serves it until it is published.",
    "discarded": "The draft is discarded.",
    "published": "Published: every call that begins from now on gets it.",
    "restored": "Restored: every call that begins from now on gets it.",
    "canary": "The canary takes its share of the calls that begin from now on.",
    "promoted": "Promoted: every call that begins from now on gets it.",
    "stopped": "The canary is stopped. Calls that it has keep it to their end.",
    "withdrawn": "Withdrawn. A file of this agent serves, if there is one.",
}


@dataclass(frozen=True, slots=True)
class Record:
    """How a version has done: calls in all, those still up, and how many ended which way."""

    calls: int = 0
    live: int = 0
    trouble: int = 0
    transferred: int = 0

    @property
    def trouble_share(self) -> float | None:
        ended = self.calls - self.live
        return self.trouble / ended if ended else None


def record_of(tallies: Iterable[EndTally], version: str) -> Record:
    own = [one for one in tallies if one.flow_version == version]
    causes = [(one.end_cause, one.calls) for one in own]
    return Record(
        calls=sum(calls for _, calls in causes),
        live=sum(calls for cause, calls in causes if cause is None),
        trouble=sum(calls for cause, calls in causes if cause and cause_tone(cause) == "bad"),
        transferred=sum(calls for cause, calls in causes if cause is EndCause.TRANSFERRED),
    )


def kind_words(kind: PublicationKind) -> str:
    return KIND_WORDS[kind]


def short_version(version: str | None) -> str:
    """Enough of a version to tell it from the others."""
    return version[:12] if version else "—"


def serving_words(slots: Slots) -> str:
    """``2220 serves, 20 % get f553``."""
    if slots.stable is None:
        return "nothing published"
    if slots.canary is None:
        return short_version(slots.stable)
    return f"{short_version(slots.stable)}, {slots.percent} % {short_version(slots.canary)}"

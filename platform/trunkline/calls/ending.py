"""The end of a call has one owner and happens once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from trunkline.domain.call import EndCause
from trunkline.domain.leg import SipStep


@dataclass(frozen=True, slots=True)
class End:
    """``has_gone``: the far end or the trunk ended the dialog, so there is nothing to hang up."""

    cause: EndCause
    sip_status: int | None = None
    reason: str = ""
    has_gone: bool = False


@dataclass(frozen=True, slots=True)
class Dialog:
    """What the leg told with its end: its SIP messages, and why no audio came, if it did not."""

    signalling: tuple[SipStep, ...] = ()
    media_problem: str = ""


class Ending:
    """The first to ask decides the cause; whoever asks later changes nothing."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._gone = asyncio.Event()
        self._end: End | None = None
        self.dialog = Dialog()

    @property
    def end(self) -> End | None:
        return self._end

    @property
    def is_ending(self) -> bool:
        return self._end is not None

    def ask(self, cause: EndCause, *, sip_status: int | None = None, reason: str = "") -> bool:
        """We end the call; False when it was ending already."""
        return self._decide(End(cause, sip_status, reason))

    def gone(self, cause: EndCause, *, sip_status: int | None, reason: str) -> None:
        """The dialog is over, whoever ended it."""
        self._decide(End(cause, sip_status, reason, has_gone=True))
        self._gone.set()

    def _decide(self, end: End) -> bool:
        if self._end is not None:
            return False
        self._end = end
        self._asked.set()
        return True

    async def asked(self) -> End:
        await self._asked.wait()
        assert self._end is not None
        return self._end

    async def dialog_is_over(self, deadline_s: float) -> bool:
        try:
            async with asyncio.timeout(deadline_s):
                await self._gone.wait()
        except TimeoutError:
            return False
        return True

"""The registrations of all trunks: how each stands, and trying again those that failed.

PJSIP renews what stands, and registers again when its TCP or TLS connection is lost. Its own answer
to a refusal, the same wait again and again and none after a 403, is replaced by ours.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pjsua2 as pj

from trunkline.domain.errors import TrunkError
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import TRUNK_REGISTERED, TRUNK_REGISTRATION_FAILURES
from trunkline.sip.account import PjAccount, Registration
from trunkline.sip.control_thread import ControlThread
from trunkline.sip.registration_backoff import Backoff

log = get_logger(__name__)

_NOT_SENT: Final = 503


class Registrations:
    """``heard`` may come on any thread; all else that acts belongs to the control thread."""

    def __init__(
        self,
        control: ControlThread,
        account_of: Callable[[str], PjAccount],
        backoff: Backoff,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._control = control
        self._account_of = account_of
        self._backoff = backoff
        self._chance = chance
        self._states: dict[str, Registration] = {}
        self._failures: dict[str, int] = {}
        self._turns: dict[str, int] = {}  # an attempt that was planned before is void
        self._is_closed = False
        self._is_left = False  # to another edge

    def __bool__(self) -> bool:
        return bool(self._states)

    def states(self) -> tuple[Registration, ...]:
        return tuple(self._states.values())

    def heard(self, state: Registration) -> None:
        """What the registrar said, or that nothing has been asked yet (status 0)."""
        before = self._states.get(state.trunk)
        self._states[state.trunk] = state
        TRUNK_REGISTERED.labels(trunk=state.trunk).set(1 if state.is_registered else 0)
        if self._is_closed or self._is_left:
            return
        if state.sip_status:
            try:
                self._control.post(lambda: self._plan(state))
            except TrunkError:  # the endpoint has been shut down meanwhile
                return
        if before is None or before.sip_status == state.sip_status:
            return
        if state.is_registered:
            log.info("trunk registered", trunk=state.trunk, expires_s=state.expires_s)
        else:
            log.warning("trunk is not registered", trunk=state.trunk, problem=state.problem)

    def begin(self) -> None:
        """Register for the first time; what cannot even be sent is tried again like a refusal."""
        self._is_left = False
        for trunk in list(self._states):
            self._try(trunk, self._turns.get(trunk, 0))

    def leave(self) -> None:
        """Unregister what stands, and try nothing again until the next ``begin``."""
        self._is_left = True
        for trunk in list(self._states):
            self._turns[trunk] = self._turns.get(trunk, 0) + 1
            self._forget_own_retry(trunk)

    def close(self) -> None:
        """The end is near: unregistering fails or not, and nothing is tried again."""
        self._is_closed = True

    def _plan(self, state: Registration) -> None:
        trunk = state.trunk
        turn = self._turns[trunk] = self._turns.get(trunk, 0) + 1
        if state.is_registered:
            self._failures[trunk] = 0
            return
        TRUNK_REGISTRATION_FAILURES.labels(trunk=trunk).inc()
        self._forget_own_retry(trunk)
        self._failures[trunk] = self._failures.get(trunk, 0) + 1
        wait_s = self._backoff.wait_s(
            self._failures[trunk],
            state.sip_status,
            chance=self._chance(),
            retry_after_s=state.retry_after_s,
        )
        if self._states[trunk] is state:
            self._states[trunk] = replace(state, retry_in_s=round(wait_s))
        self._control.later(wait_s, lambda: self._try(trunk, turn))

    def _forget_own_retry(self, trunk: str) -> None:
        """PJSIP has planned its own by now. To unregister what is not registered takes it back."""
        try:
            self._account_of(trunk).setRegistration(False)
        except pj.Error:
            return

    def _try(self, trunk: str, turn: int) -> None:
        if self._is_closed or self._is_left or self._turns.get(trunk, 0) != turn:
            return
        try:
            self._account_of(trunk).setRegistration(True)
        except pj.Error as exc:  # nothing was sent: a name that does not resolve, no connection
            self.heard(Registration(trunk, sip_status=_NOT_SENT, reason=exc.reason))

"""What has become of a question to a person: the event, and taking the question back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trunkline.domain.approval import ApprovalState
from trunkline.domain.events import Json


@dataclass(frozen=True, slots=True)
class ApprovalChanged:
    """News of a parked call; it may come twice or late, and the highest ``revision`` is the truth.

    ``result``: the tool's own once it is done, or its typed error. ``arguments``: as decided.
    """

    run_id: str
    state: ApprovalState
    revision: int
    arguments: Mapping[str, Json]
    result: Json = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WithdrawApproval:
    """Take a question back that nobody has decided; ApprovalChanged tells whether it was so."""

    run_id: str

"""Tools: what a flow may have done for it, and how. Values only; ``tool_runner`` runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.approval import ApprovalPlan
from trunkline.flows.builtins import BuiltinTransport
from trunkline.flows.prompts import Expression, Prompt

SECRETS: Final = "secrets"
"""The one name under which header templates see secrets: ``{{ secrets.energy_api_key }}``."""


DEFAULT_CONCURRENCY: Final = 20
"""Runs of one tool at one service at once; more wait for a place, within their own timeout."""


class RiskClass(StrEnum):
    """How much harm a wrong call does. ``HIGH`` is parked for a human, never just run."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class After(StrEnum):
    """What happens once a tool has come back that the engine called."""

    SPEAK = "speak"  # the engine says what came of it
    SILENT = "silent"  # it is the caller's turn
    CONTINUE = "continue"  # the flow goes on to another step


@dataclass(frozen=True, slots=True)
class Retry:
    """``attempts`` in all; the wait doubles from ``backoff_ms``."""

    attempts: int = 1
    backoff_ms: int = 200


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """One HTTP request made of templates, and what its answer means.

    ``url`` and ``body`` see the arguments and the flow's constants, ``headers`` see ``secrets`` as
    well. Arguments are percent-encoded in the URL. ``result`` maps a name to a dotted path in the
    answer (empty: the whole answer). ``error_codes``: HTTP status to the code a flow can route on.
    ``allowed_hosts``: ``host`` or ``host:port`` that may be reached although it is not public.
    """

    method: str
    url: Prompt
    headers: Mapping[str, Prompt] = field(default_factory=dict)
    query: Mapping[str, Prompt] = field(default_factory=dict)
    body: Mapping[str, Expression | Prompt] | None = None
    result: Mapping[str, str] = field(default_factory=dict)
    error_codes: Mapping[int, str] = field(default_factory=dict)
    max_response_bytes: int = 256 * 1024
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PythonTransport:
    """A function with ``@tool`` in a module the operator named; ``target`` is ``module:name``."""

    target: str


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server of tools (Model Context Protocol): ``url`` for streamable HTTP, else ``command``.

    ``headers`` and ``env`` see the flow's constants and ``secrets``. A command must be one that the
    operator allowed, word for word.
    """

    name: str
    url: Prompt | None = None
    headers: Mapping[str, Prompt] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    env: Mapping[str, Prompt] = field(default_factory=dict)
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class McpTransport:
    """``tool`` of ``server``; without ``has_own_schema`` the server's schema is the only one.

    ``result``: as in HttpTransport, from the structured content (or the text as JSON).
    """

    server: McpServer
    tool: str
    has_own_schema: bool = True
    result: Mapping[str, str] = field(default_factory=dict)
    max_response_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class ProgramTransport:
    """A program outside that answers the call runs it itself (docs/agents-sdk.md)."""


Transport: TypeAlias = (
    HttpTransport | PythonTransport | McpTransport | ProgramTransport | BuiltinTransport
)


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """After ``failures`` in a row the service is left alone for ``open_ms``, then probed once."""

    failures: int = 5
    open_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the flow declares it. ``parameters`` and ``returns`` are JSON Schemas.

    ``timeout_ms`` bounds each attempt, the wait for a free place (``concurrency``) included. A
    failed attempt is tried again only when the tool is idempotent, or when its service honours our
    idempotency key (``sends_key``). A tool of which ``is_dry_run`` holds is never really run.
    ``after``, ``label`` and ``examples`` are for an engine that is offered the tool: what happens
    then, what the tool is called in passing, and how callers ask for it. ``approval`` None: a
    high-risk tool is asked of a supervisor, any other of nobody.
    """

    name: str
    description: str
    transport: Transport
    parameters: Mapping[str, Json]
    returns: Mapping[str, Json] | None = None
    risk: RiskClass = RiskClass.LOW
    timeout_ms: int = 5000
    retry: Retry = Retry()
    is_idempotent: bool = False
    sends_key: bool = False
    while_running: Prompt | None = None
    still_running: Prompt | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    breaker: BreakerPolicy = BreakerPolicy()
    is_dry_run: bool = False
    after: After = After.SPEAK
    label: str = ""
    examples: tuple[str, ...] = ()
    approval: ApprovalPlan | None = None

    @property
    def may_retry(self) -> bool:
        return self.is_idempotent or self.sends_key

    @property
    def worst_case_ms(self) -> int:
        """The longest a run may take, waits between attempts included."""
        attempts = self.retry.attempts if self.may_retry else 1
        waits = self.retry.backoff_ms * ((1 << (attempts - 1)) - 1)
        return attempts * self.timeout_ms + waits


@dataclass(frozen=True, slots=True)
class ToolError:
    """Why a tool gave no result; ``code`` is stable, ``message`` holds nothing of the caller's."""

    code: str
    message: str
    http_status: int | None = None
    is_retryable: bool = False
    param: str | None = None  # the argument that is wrong, as a dotted path

    def as_json(self) -> dict[str, Any]:
        """The object an engine and the transcript get instead of a result."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.http_status is not None:
            error["http_status"] = self.http_status
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


@dataclass(frozen=True, slots=True)
class ToolSucceeded:
    result: Json
    duration_ms: int
    attempts: int

    @property
    def outcome(self) -> ToolOutcome:
        return ToolOutcome.OK


@dataclass(frozen=True, slots=True)
class ToolFailed:
    outcome: ToolOutcome
    error: ToolError
    duration_ms: int
    attempts: int

    @property
    def result(self) -> Json:
        return self.error.as_json()


ToolRunResult: TypeAlias = ToolSucceeded | ToolFailed


class ToolFault(Exception):
    """A run that gave no result, on its way to becoming a ToolFailed.

    ``blames_service`` is whether it speaks against the service's health: the breaker counts those.
    """

    def __init__(
        self,
        error: ToolError,
        outcome: ToolOutcome = ToolOutcome.FAILED,
        *,
        blames_service: bool = False,
    ) -> None:
        super().__init__(error.code)
        self.error = error
        self.outcome = outcome
        self.blames_service = blames_service or error.is_retryable


def error_code(result: Json) -> str:
    """The code inside a typed error object; ``failed`` when it is anything else."""
    if isinstance(result, Mapping):
        error = result.get("error")
        if isinstance(error, Mapping) and isinstance(error.get("code"), str):
            return str(error["code"])
    return "failed"

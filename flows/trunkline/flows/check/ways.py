"""One step as a place in the graph: what it evaluates, and every way a call can leave it.

What leads where is asked of the functions the runner itself uses (``intents_at``, ``keys_at``), so
that graph and call agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from trunkline.flows.check.approvals import approval_edges, line_texts, waiting_texts
from trunkline.flows.check.backgrounds import background_edges
from trunkline.flows.check.escalations import escalation_edges
from trunkline.flows.check.graph import END, Edge, Place, Text, Way
from trunkline.flows.check.offers import offer_edges, offer_texts
from trunkline.flows.check.reads import known_when, reads
from trunkline.flows.compile import intents_at, keys_at
from trunkline.flows.flow import Flow
from trunkline.flows.prompts import Prompt, compile_expression
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.steps import (
    BranchStep,
    CallStep,
    Case,
    CollectStep,
    FailureRoute,
    Fallback,
    HandoffStep,
    HangUpStep,
    QueueStep,
    ReturnStep,
    SayStep,
    SendDigitsStep,
    SetStep,
    Step,
    ToolStep,
    TransferStep,
    VoicemailStep,
    listening_of,
    offered_names,
)
from trunkline.flows.tool_steps import OTHERWISE, PARKED

_NOBODY = "nobody takes the transfer"


class Ways:
    """Makes places of one flow; sub-flows called and returned from are left to ``build``."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._constants = flow.constants

    def place(self, step: Step, path: YamlPath) -> Place:
        """The step with its ways out; a new kind of step is asked for here by mypy."""
        texts: Iterable[Text] = ()
        edges: Iterable[Edge] = ()
        match step:
            case SayStep():
                edges = self._say(step, path)
            case CollectStep():
                texts, edges = self._slot_texts(step, path), self._collect(step, path)
            case ToolStep():
                texts, edges = self._tool_texts(step, path), self._tool(step, path)
            case BranchStep():
                texts, edges = _case_texts(step.cases, path), self._cases(step, path)
            case SetStep():
                texts = (Text(value, (*path, "set", name)) for name, value in step.values.items())
                edges = (_edge(step, step.next, Way.NEXT, "goes on", path, "next", written=True),)
            case CallStep():
                texts = (
                    Text(value, (*path, "with", name)) for name, value in step.arguments.items()
                )
            case ReturnStep():
                pass
            case HandoffStep():
                texts = (
                    Text(compile_expression(name), (*path, "carry", place))
                    for place, name in enumerate(step.carry)
                )
                edges = (_edge(step, END, Way.WORKED, f"{step.agent} takes over", path),)
            case SendDigitsStep():
                texts = (Text(step.digits, (*path, "send_digits")),)
                edges = (_edge(step, step.next, Way.NEXT, "goes on", path, "next"),)
            case TransferStep():
                texts, edges = _transfer_texts(step, path), self._transfer(step, path)
            case QueueStep():
                texts, edges = _queue_texts(step, path), self._queue(step, path)
            case VoicemailStep():
                edges = (
                    _edge(
                        step, goto, Way.WORKED, f"a {kind} answered", path, "voicemail", kind.value
                    )
                    for kind, goto in step.routes.items()
                )
            case HangUpStep():
                edges = (_edge(step, END, Way.NEXT, "it hangs up", path),)
            case _:
                assert_never(step)
        return self.finished(step, path, [*self._said(step, path), *texts], [*edges])

    def finished(self, step: Step, path: YamlPath, texts: list[Text], edges: list[Edge]) -> Place:
        """With the ways in which the step itself can go wrong: nobody heard, or a bad text."""
        listens = isinstance(step, CollectStep) or listening_of(step) is not None
        at_risk = [*texts, *(text for edge in edges for text in edge.texts)]
        if any(self._may_fault(text) for text in at_risk):
            edges += self._fallback(
                step, self._flow.policies.flow_error, ("policies", "flow_error"),
                "a text or a condition cannot be evaluated", way=Way.FAULT,
            )  # fmt: skip
        return Place(step, path, tuple(texts), tuple(edges), listens)

    # ---- kinds of steps ------------------------------------------------------------------------

    def _say(self, step: SayStep, path: YamlPath) -> Iterator[Edge]:
        if step.next is not None:
            yield _edge(step, step.next, Way.NEXT, "goes on", path, "next")
        if step.listening is not None:
            offered = offered_names(step)
            yield from self._choices(step, path, offered)
            yield from self._patience(step, path, offered)

    def _collect(self, step: CollectStep, path: YamlPath) -> Iterator[Edge]:
        names = frozenset(slot.name for slot in step.slots)
        asked = " and ".join(slot.description for slot in step.slots)
        given = f"the caller gives the {asked}"
        texts = tuple(
            replace(text, known=text.known | names) for text in _case_texts(step.cases, path)
        )
        for target, condition, at in _targets(step, path):
            why = f"{given}, and {condition} holds" if condition else given
            yield Edge(step.name, target, Way.FILLED, why, at, sets=names, texts=texts)
            if step.reuses:
                why = f"the {asked} is known already" + (f", and {condition}" if condition else "")
                yield Edge(step.name, target, Way.NEXT, why, at, implies=names, texts=texts)
        names |= offered_names(step)
        yield from self._choices(step, path, names)
        yield from self._patience(step, path, names)

    def _cases(self, step: BranchStep, path: YamlPath) -> Iterator[Edge]:
        """Each case with what its condition, and the failing of those before it, give away."""
        implies: frozenset[str] = frozenset()
        denies: frozenset[str] = frozenset()
        for place, case in enumerate(step.cases):
            holds = known_when(case.when.expression, True)
            yield Edge(
                step.name, case.goto, Way.CASE, f"{case.when.source} holds",
                (*path, "branch", place, "goto"),
                implies=implies | holds.have, denies=denies | holds.lack,
            )  # fmt: skip
            fails = known_when(case.when.expression, False)
            implies, denies = implies | fails.have, denies | fails.lack
        yield Edge(
            step.name, step.otherwise, Way.CASE, "no case holds", (*path, "otherwise"),
            implies=implies, denies=denies,
        )  # fmt: skip

    def _tool(self, step: ToolStep, path: YamlPath) -> Iterator[Edge]:
        tool = step.tool
        if step.background is not None:
            yield from background_edges(step, step.background, path)
            return
        saved = frozenset({step.save_as} if step.save_as else ())
        if step.wait is not None and step.wait.arguments_as:
            saved |= {step.wait.arguments_as}
        yield Edge(
            step.name, step.next, Way.WORKED, f"{tool.name} works", (*path, "next"), sets=saved
        )
        yield from approval_edges(step, path, saved)
        for code, (route, route_path) in self.routes(step, path).items():
            yield from self._route(step, code, route, route_path)
        yield from self._choices(step, path, saved, "while the tool runs, ")

    def routes(self, step: ToolStep, path: YamlPath) -> dict[str, tuple[FailureRoute, YamlPath]]:
        """What a failure leads to, by code, with where it is written."""
        routes = {
            code: (route, (*path, "on_failure", code)) for code, route in step.failures.items()
        }
        if OTHERWISE not in routes:
            routes[OTHERWISE] = (self._flow.policies.tool_failure, ("policies", "tool_failure"))
        return routes

    def _route(
        self, step: ToolStep, code: str, route: FailureRoute, path: YamlPath
    ) -> Iterator[Edge]:
        """Once more or elsewhere, and the fallback past the limit."""
        tool = step.tool.name
        why = f"{tool} fails" if code == OTHERWISE else f"{tool} fails: {code}"
        if code == PARKED:
            why = f"{tool} is parked"
        drops = frozenset(route.forget)
        if route.limit > 0:
            yield Edge(
                step.name, route.goto or step.name, Way.FAILED, why,
                (*path, "goto") if route.goto else path,
                drops=drops, texts=line_texts(route.lines, (*path, "say")),
            )  # fmt: skip
        yield from self._fallback(
            step, route.fallback, (*path, "then"), f"{why}, once too often", drops=drops
        )

    def _transfer(self, step: TransferStep, path: YamlPath) -> Iterator[Edge]:
        yield _edge(step, END, Way.WORKED, "the other side takes the call", path)
        at: YamlPath = (*path, "on_failure")
        yield Edge(
            step.name, step.on_failure, Way.REFUSED, _NOBODY, (*at, "goto"),
            texts=line_texts(step.failure_lines, (*at, "say")),
        )  # fmt: skip
        for cause, fallback in step.failures.items():
            yield _refused(
                step, fallback, f"{_NOBODY}: {cause.value}", (*at, cause.value), self._goodbye()
            )

    def _queue(self, step: QueueStep, path: YamlPath) -> Iterator[Edge]:
        yield _edge(step, END, Way.WORKED, "a person takes the call", path)
        outcomes = {
            "on_timeout": (step.on_timeout, "the wait is over"),
            "on_unavailable": (step.on_unavailable, "nobody serves the queue"),
        }
        for key, (fallback, why) in outcomes.items():
            yield _refused(step, fallback, why, (*path, key), self._goodbye())
        if step.callback_key:
            at = (*path, "on_callback")
            callback = step.on_callback
            yield Edge(
                step.name, callback.goto or END, Way.CHOICE,
                f"the caller presses {step.callback_key} to be called back", (*at, "goto"),
                texts=line_texts(callback.lines, (*at, "say")) or self._ending(callback),
            )  # fmt: skip

    # ---- what holds in every step that waits -----------------------------------------------------

    def _choices(
        self,
        step: Step,
        path: YamlPath,
        may_set: frozenset[str] = frozenset(),
        meanwhile: str = "",
    ) -> Iterator[Edge]:
        """Intents and keys, as the runner takes them."""
        flow, listening = self._flow, listening_of(step)
        own_intents: Mapping[str, str | None] = listening.intents if listening else {}
        for name, goto in intents_at(flow, step).items():
            at: YamlPath = ("intents", name, "goto")
            if name in own_intents:
                at = (*path, "listen", "intents", name)
            if goto is not None:
                why = f"{meanwhile}the caller wants {flow.intents[name].label} (intent {name})"
                yield Edge(step.name, goto, Way.CHOICE, why, at, may_set=may_set)
        yield from offer_edges(step, path, may_set)
        own_keys: Mapping[str, str] = listening.keys if listening else {}
        for key, goto in keys_at(flow, step).items():
            at = (*path, "listen", "keys", key) if key in own_keys else ("keys", key)
            why = f"{meanwhile}the caller presses {key}"
            yield Edge(step.name, goto, Way.CHOICE, why, at, may_set=may_set)
        yield from escalation_edges(flow, step, may_set)

    def _patience(
        self, step: Step, path: YamlPath, may_set: frozenset[str] = frozenset()
    ) -> Iterator[Edge]:
        """Silence, words that lead nowhere, and an engine that fails."""
        policies, listening = self._flow.policies, listening_of(step)
        silence = listening.silence if listening else None
        if silence is not None:
            why = f"the caller stays silent for {silence.after_ms} ms"
            at: YamlPath = (*path, "listen", "silence", "goto")
            yield Edge(step.name, silence.goto, Way.CHOICE, why, at, may_set=may_set)
            yield Edge(
                step.name, END, Way.FALLBACK, "the caller stays silent again and again", at,
                may_set=may_set, texts=self._goodbye(),
            )  # fmt: skip
        else:
            at = ("policies", "no_input", "then")
            why = "the caller stays silent"
            yield from self._fallback(step, policies.no_input.fallback, at, why, may_set=may_set)
        at = ("policies", "no_match", "then")
        why = "the caller is not understood"
        yield from self._fallback(step, policies.no_match.fallback, at, why, may_set=may_set)
        engine_failure: YamlPath = ("policies", "engine_failure")
        yield from self._fallback(
            step, policies.engine_failure, engine_failure, "the engine fails", may_set=may_set
        )

    def _fallback(
        self,
        step: Step,
        fallback: Fallback,
        path: YamlPath,
        why: str,
        *,
        may_set: frozenset[str] = frozenset(),
        drops: frozenset[str] = frozenset(),
        way: Way = Way.FALLBACK,
    ) -> Iterator[Edge]:
        """The fallback, and the end of the call when it was taken too often in a row."""
        lines = line_texts(fallback.lines, (*path, "say"))
        if fallback.goto is not None:
            yield Edge(
                step.name, fallback.goto, way, why, (*path, "goto"),
                may_set=may_set, drops=drops, texts=lines,
            )  # fmt: skip
        yield Edge(
            step.name, END, way, why, path, may_set=may_set, drops=drops,
            texts=self._goodbye() if fallback.goto else lines or self._goodbye(),
        )  # fmt: skip

    def _goodbye(self) -> tuple[Text, ...]:
        return line_texts(self._flow.policies.goodbye, ("policies", "goodbye"))

    def _ending(self, fallback: Fallback) -> tuple[Text, ...]:
        return self._goodbye() if fallback.goto is None else ()

    # ---- what a step evaluates -------------------------------------------------------------------

    def _said(self, step: Step, path: YamlPath) -> Iterator[Text]:
        if not isinstance(step, BranchStep | ReturnStep):
            yield from line_texts(step.lines, (*path, "say"))
        listening = listening_of(step)
        for place, idle in enumerate(listening.idle if listening else ()):
            yield from line_texts(idle.lines, (*path, "listen", "idle", place, "say"))
        yield from offer_texts(step, path)

    def _slot_texts(self, step: CollectStep, path: YamlPath) -> Iterator[Text]:
        for slot in step.slots:
            at = (*path, "collect", slot.name)
            yield Text(slot.ask, (*at, "ask"))
            for place, prompt in enumerate(slot.reprompts):
                yield Text(prompt, (*at, "reprompts", place))
            if slot.read_back is not None:
                yield Text(slot.read_back, (*at, "read_back"))

    def _tool_texts(self, step: ToolStep, path: YamlPath) -> Iterator[Text]:
        for name, value in step.arguments.items():
            yield Text(value, (*path, "arguments", name))
        tool = ("tools", step.tool.name)
        if step.tool.while_running is not None:
            yield Text(step.tool.while_running, (*tool, "while_running"))
        if step.tool.still_running is not None:
            yield Text(step.tool.still_running, (*tool, "still_running"))
        yield from waiting_texts(step, path)

    def _may_fault(self, text: Text) -> bool:
        """Texts of constants only were tried when the flow was loaded."""
        return not (isinstance(text.compiled, Prompt) and reads(text.compiled) <= self._constants)


def _edge(
    step: Step, target: str, way: Way, why: str, path: YamlPath, *at: str, written: bool = False
) -> Edge:
    sets = frozenset(step.values) if written and isinstance(step, SetStep) else frozenset()
    return Edge(step.name, target, way, why, (*path, *at), sets=sets)


def _refused(
    step: Step, fallback: Fallback, why: str, path: YamlPath, goodbye: tuple[Text, ...]
) -> Edge:
    texts = line_texts(fallback.lines, (*path, "say"))
    if fallback.goto is None:
        return Edge(step.name, END, Way.REFUSED, why, path, texts=texts or goodbye)
    return Edge(step.name, fallback.goto, Way.REFUSED, why, (*path, "goto"), texts=texts)


def _targets(step: CollectStep, path: YamlPath) -> Iterator[tuple[str, str, YamlPath]]:
    """Where a filled step leads: each case with its condition, and ``next``."""
    for place, case in enumerate(step.cases):
        yield case.goto, case.when.source, (*path, "branch", place, "goto")
    yield step.next, "", (*path, "next")


def _case_texts(cases: Sequence[Case], path: YamlPath) -> Iterator[Text]:
    """Conditions in order; each is asked only once those before it have failed."""
    known: frozenset[str] = frozenset()
    for place, case in enumerate(cases):
        expression = case.when.expression
        yield Text(expression, (*path, "branch", place, "when"), known)
        known |= known_when(expression, False).have


def _transfer_texts(step: TransferStep, path: YamlPath) -> Iterator[Text]:
    yield Text(step.target, (*path, "transfer"))
    if step.briefing is not None:
        yield Text(step.briefing, (*path, "briefing"))


def _queue_texts(step: QueueStep, path: YamlPath) -> Iterator[Text]:
    for place, target in enumerate(step.targets):
        yield Text(target, (*path, "queue", "targets", place))
    if step.briefing is not None:
        yield Text(step.briefing, (*path, "queue", "briefing"))
    announced = frozenset({"queue_position", "queue_minutes"})
    yield Text(step.announcement.prompt, (*path, "queue", "announce"), announced)

"""From a flow to its graphs: every kind of step, and every way a call can leave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from trunkline.flows.check.graph import END, Edge, Graph, Place, Text, Way
from trunkline.flows.check.reads import known_when, reads
from trunkline.flows.compile import intents_at, keys_at, listening_of
from trunkline.flows.flow import (
    CALL_VARIABLES,
    BranchStep,
    CollectStep,
    FailureRoute,
    Fallback,
    Flow,
    HangUpStep,
    Line,
    SayStep,
    Step,
    ToolStep,
    TransferStep,
)
from trunkline.flows.prompts import Prompt
from trunkline.flows.schema.source import YamlPath
from trunkline.flows.slots import Slot
from trunkline.flows.tools import RiskClass
from trunkline.flows.walk import OTHERWISE, PARKED


def build_graphs(flow: Flow) -> tuple[Graph, ...]:
    """The main flow's graph first, then one for each sub-flow."""
    return (_Builder(flow).graph(),)


def line_texts(lines: Sequence[Line], path: YamlPath) -> tuple[Text, ...]:
    return tuple(Text(line.prompt, (*path, place)) for place, line in enumerate(lines))


def slot_path(step: CollectStep, slot: Slot, path: YamlPath) -> YamlPath:
    """Where a slot is written: in its step, or under ``slots`` when the step takes it by name."""
    return (*path, "collect", slot.name)


class _Builder:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._constants = flow.constants

    def graph(self) -> Graph:
        flow = self._flow
        return Graph(
            scope="",
            start=flow.start,
            places={name: self._place(step, ("steps", name)) for name, step in flow.steps.items()},
            given=frozenset({*CALL_VARIABLES, *flow.variables}),
            path=("start",),
        )

    def _place(self, step: Step, path: YamlPath) -> Place:
        """The step with its ways out; where the runner gains a kind of step, mypy asks for it."""
        match step:
            case SayStep():
                return self._say(step, path)
            case CollectStep():
                return self._collect(step, path)
            case ToolStep():
                return self._tool(step, path)
            case BranchStep():
                return self._branch(step, path)
            case TransferStep():
                texts = (Text(step.target, (*path, "transfer")), *self._lines(step.lines, path))
                failed = (*path, "on_failure")
                edges = (
                    self._edge(step, END, Way.WORKED, "the other side takes the call", path),
                    Edge(
                        step.name, step.on_failure, Way.REFUSED, "nobody takes the transfer",
                        (*failed, "goto"), texts=line_texts(step.failure_lines, (*failed, "say")),
                    ),
                )  # fmt: skip
                return self._finished(step, path, texts, edges)
            case HangUpStep():
                edge = self._edge(step, END, Way.NEXT, "it hangs up", path)
                return self._finished(step, path, self._lines(step.lines, path), (edge,))
            case _:
                assert_never(step)

    # ---- kinds of steps ------------------------------------------------------------------------

    def _say(self, step: SayStep, path: YamlPath) -> Place:
        texts = self._lines(step.lines, path)
        if step.next is not None:
            edge = self._edge(step, step.next, Way.NEXT, "goes on", (*path, "next"))
            return self._finished(step, path, texts, (edge,))
        edges = (*self._choices(step, path), *self._patience(step))
        return self._finished(step, path, texts, edges, listens=True)

    def _collect(self, step: CollectStep, path: YamlPath) -> Place:
        names = frozenset(slot.name for slot in step.slots)
        texts = list(self._lines(step.lines, path))
        for slot in step.slots:
            at = slot_path(step, slot, path)
            texts.append(Text(slot.ask, (*at, "ask")))
            texts += [
                Text(prompt, (*at, "reprompts", place))
                for place, prompt in enumerate(slot.reprompts)
            ]
            if slot.read_back is not None:
                texts.append(Text(slot.read_back, (*at, "read_back")))
        asked = " and ".join(slot.description for slot in step.slots)
        edges = [
            Edge(
                step.name, step.next, Way.FILLED, f"the caller gives the {asked}",
                (*path, "next"), sets=names,
            )
        ]  # fmt: skip
        if step.reuses:
            edges.append(
                Edge(
                    step.name, step.next, Way.NEXT, f"the {asked} is known already",
                    (*path, "next"), implies=names,
                )
            )  # fmt: skip
        edges += [*self._choices(step, path, names), *self._patience(step, names)]
        return self._finished(step, path, tuple(texts), tuple(edges), listens=True)

    def _branch(self, step: BranchStep, path: YamlPath) -> Place:
        edges: list[Edge] = []
        implies: set[str] = set()
        denies: set[str] = set()
        texts: list[Text] = []
        for place, case in enumerate(step.cases):
            at = (*path, "branch", place)
            expression = case.when.expression
            texts.append(Text(expression, (*at, "when")))
            when_true, when_false = known_when(expression, True), known_when(expression, False)
            edges.append(
                Edge(
                    step.name, case.goto, Way.CASE, f"{case.when.source} holds", (*at, "goto"),
                    implies=frozenset(implies | when_true.have),
                    denies=frozenset(denies | when_true.lack),
                )
            )  # fmt: skip
            implies |= when_false.have
            denies |= when_false.lack
        edges.append(
            Edge(
                step.name, step.otherwise, Way.CASE, "no case holds", (*path, "otherwise"),
                implies=frozenset(implies), denies=frozenset(denies),
            )
        )  # fmt: skip
        return self._finished(step, path, tuple(texts), tuple(edges))

    def _tool(self, step: ToolStep, path: YamlPath) -> Place:
        tool = step.tool
        texts = list(self._lines(step.lines, path))
        texts += [Text(value, (*path, "arguments", name)) for name, value in step.arguments.items()]
        for key in ("while_running", "still_running"):
            prompt = getattr(tool, key)
            if prompt is not None:
                texts.append(Text(prompt, ("tools", tool.name, key)))
        saved = frozenset({step.save_as} if step.save_as else ())
        edges = [
            Edge(
                step.name, step.next, Way.WORKED, f"{tool.name} works", (*path, "next"),
                sets=saved,
            )
        ]  # fmt: skip
        if tool.risk is RiskClass.HIGH and step.parked_lines:
            parked = (*path, "on_parked")
            if step.parked_next is not None:
                edges.append(
                    Edge(
                        step.name, step.parked_next, Way.PARKED,
                        f"{tool.name} waits for a person's approval", (*parked, "goto"),
                        texts=line_texts(step.parked_lines, (*parked, "say")),
                    )
                )  # fmt: skip
        routes = {code: (route, (*path, "on_failure", code))
                  for code, route in step.failures.items()}  # fmt: skip
        if OTHERWISE not in routes:
            policy: YamlPath = ("policies", "tool_failure")
            routes[OTHERWISE] = (self._flow.policies.tool_failure, policy)
        for code, (route, at) in routes.items():
            edges += self._route(step, code, route, at)
        edges += self._choices(step, path, saved, "while the tool runs, ")
        return self._finished(step, path, tuple(texts), tuple(edges))

    def _route(
        self, step: ToolStep, code: str, route: FailureRoute, path: YamlPath
    ) -> Iterable[Edge]:
        """What a failed tool leads to: once more or elsewhere, and the fallback past the limit."""
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

    # ---- what holds in every step that waits -----------------------------------------------------

    def _choices(
        self,
        step: Step,
        path: YamlPath,
        may_set: frozenset[str] = frozenset(),
        while_: str = "",
    ) -> Iterable[Edge]:
        """Intents and keys, as the runner takes them."""
        flow, listening = self._flow, listening_of(step)
        own_intents: Mapping[str, str | None] = listening.intents if listening else {}
        for name, goto in intents_at(flow, step).items():
            own = (*path, "listen", "intents", name)
            intent = flow.intents.get(name)
            label = intent.label if intent else name
            at: YamlPath = own if name in own_intents else ("intents", name, "goto")
            if goto is not None:
                why = f"{while_}the caller wants {label} (intent {name})"
                yield Edge(step.name, goto, Way.CHOICE, why, at, may_set=may_set)
        own_keys: Mapping[str, str] = listening.keys if listening else {}
        for key, goto in keys_at(flow, step).items():
            at = (*path, "listen", "keys", key) if key in own_keys else ("keys", key)
            yield Edge(
                step.name, goto, Way.CHOICE, f"{while_}the caller presses {key}", at,
                may_set=may_set,
            )  # fmt: skip

    def _patience(self, step: Step, may_set: frozenset[str] = frozenset()) -> Iterable[Edge]:
        """Silence, words that lead nowhere, and an engine that fails."""
        policies = self._flow.policies
        for fallback, name, why in (
            (policies.no_input.fallback, "no_input", "the caller stays silent"),
            (policies.no_match.fallback, "no_match", "the caller is not understood"),
        ):
            path: YamlPath = ("policies", name, "then")
            yield from self._fallback(step, fallback, path, why, may_set=may_set)
        yield from self._fallback(
            step,
            policies.engine_failure,
            ("policies", "engine_failure"),
            "the engine fails",
            may_set=may_set,
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
    ) -> Iterable[Edge]:
        """The fallback, and the end of the call when it was taken too often in a row."""
        goodbye = line_texts(self._flow.policies.goodbye, ("policies", "goodbye"))
        lines = line_texts(fallback.lines, (*path, "say"))
        if fallback.goto is not None:
            yield Edge(
                step.name, fallback.goto, way, why, (*path, "goto"),
                may_set=may_set, drops=drops, texts=lines,
            )  # fmt: skip
        yield Edge(
            step.name, END, way, why, path,
            may_set=may_set, drops=drops, texts=goodbye if fallback.goto else lines or goodbye,
        )  # fmt: skip

    # ---- parts -----------------------------------------------------------------------------------

    def _lines(self, lines: Sequence[Line], path: YamlPath) -> tuple[Text, ...]:
        return line_texts(lines, (*path, "say"))

    def _edge(self, step: Step, target: str, way: Way, why: str, path: YamlPath) -> Edge:
        return Edge(step.name, target, way, why, path)

    def _finished(
        self,
        step: Step,
        path: YamlPath,
        texts: tuple[Text, ...],
        edges: Sequence[Edge],
        *,
        listens: bool = False,
    ) -> Place:
        """With the way out of a text that cannot be evaluated, where there is such a text."""
        at_risk = [*texts, *(text for edge in edges for text in edge.texts)]
        faults: Iterable[Edge] = ()
        if any(self._may_fault(text) for text in at_risk):
            faults = self._fallback(
                step,
                self._flow.policies.flow_error,
                ("policies", "flow_error"),
                "a text or a condition cannot be evaluated",
                way=Way.FAULT,
            )
        return Place(step, path, texts, (*edges, *faults), listens)

    def _may_fault(self, text: Text) -> bool:
        """Texts of constants only were tried when the flow was loaded."""
        return not (isinstance(text.compiled, Prompt) and reads(text.compiled) <= self._constants)

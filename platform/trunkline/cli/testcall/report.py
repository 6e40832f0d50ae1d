"""What ``trunkline call`` reports, for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import orjson


@dataclass(slots=True)
class StepReport:
    """Times are ms on the caller's clock; ``response_ms`` from the true end of our speech."""

    kind: str
    value: str
    started_ms: int
    ended_ms: int
    was_barge_in: bool
    response_ms: int | None = None
    stop_to_silence_ms: int | None = None
    agent_replied: str = ""


@dataclass(slots=True)
class HeardLine:
    """What the far end was understood to say."""

    started_ms: int
    ended_ms: int
    text: str


@dataclass(slots=True)
class CallReport:
    uri: str
    is_answered: bool = False
    answer_ms: int | None = None
    first_audio_ms: int | None = None
    codec: str = ""
    duration_ms: int = 0
    ended_by: str = ""
    sip_status: int | None = None
    steps: list[StepReport] = field(default_factory=list)
    heard: list[HeardLine] = field(default_factory=list)
    recording: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.problems


def judge(report: CallReport, wanted_steps: int) -> None:
    """Write down everything that makes the call a failure."""
    if not report.is_answered:
        report.problems.append(f"not answered (SIP {report.sip_status})")
        return
    if report.first_audio_ms is None:
        report.problems.append("the agent was never heard")
    if len(report.steps) < wanted_steps:
        report.problems.append(
            f"only {len(report.steps)} of {wanted_steps} steps were done before the call ended"
        )
    for number, step in enumerate(report.steps, 1):
        is_last = number == len(report.steps)
        if step.response_ms is None and not (is_last and report.ended_by == "far end"):
            report.problems.append(f"no answer to step {number}")
        if step.was_barge_in and step.stop_to_silence_ms is None:
            report.problems.append(f"step {number} did not interrupt the agent")


def to_json(report: CallReport) -> str:
    document = {"ok": report.is_good, **asdict(report)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def to_text(report: CallReport) -> str:
    lines = []
    if report.is_answered:
        lines.append(
            f"answered in {report.answer_ms} ms ({report.codec}), "
            f"first audio {report.first_audio_ms} ms later"
        )
    events = [(h.started_ms, f"agent   {h.text}") for h in report.heard]
    for step in report.steps:
        note = f"  ({step.response_ms} ms to the answer)" if step.response_ms is not None else ""
        if step.stop_to_silence_ms is not None:
            note += f"  (agent silent after {step.stop_to_silence_ms} ms)"
        events.append((step.started_ms, f"caller  {step.value}{note}"))
    lines += [f"{ms / 1000:7.2f}  {line}" for ms, line in sorted(events)]
    lines.append(f"ended by {report.ended_by or 'nobody'} after {report.duration_ms / 1000:.1f} s")
    if report.recording:
        lines.append(f"recording {report.recording}")
    lines += [f"PROBLEM: {problem}" for problem in report.problems]
    return "\n".join(lines)

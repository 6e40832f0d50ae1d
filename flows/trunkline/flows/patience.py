"""How often things may go wrong before a flow gives up: counters, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Patience:
    """Counts of one call. What a step may use up is counted anew in every step."""

    silences: int = 0  # in a row, no speech and no digit between
    idles: int = 0  # in this step: idle prompts said, nothing heard between
    unclear: int = 0  # in this step: not understood, or digits that fit nothing
    engine_turns: int = 0  # in this step: the engine answered in its own words
    bad_calls: int = 0  # in this step: the engine reported what cannot be taken
    stopped: int = 0  # in this step: the guardrails stopped the caller, or the engine
    fallbacks: int = 0  # in a row, nothing accepted from the caller between
    flow_errors: int = 0  # in the call
    tool_failures: dict[tuple[str, str], int] = field(default_factory=dict)  # by step and code

    def entered(self) -> None:
        """Another step: patience for it is fresh; for the caller's absence it is not."""
        self.idles = self.unclear = self.engine_turns = self.bad_calls = self.stopped = 0

    def heard(self) -> None:
        """The caller is there."""
        self.silences = self.idles = 0

    def accepted(self) -> None:
        """Something the caller said or keyed was taken."""
        self.heard()
        self.unclear = self.bad_calls = self.fallbacks = 0

    def tool_failed(self, step: str, code: str) -> int:
        """How often in a row this step's tool failed with this code, this time included."""
        count = self.tool_failures.get((step, code), 0) + 1
        self.tool_failures[step, code] = count
        return count

    def tool_settled(self, step: str) -> None:
        """The tool worked, or its failures led to the fallback: count from nothing again."""
        for key in [key for key in self.tool_failures if key[0] == step]:
            del self.tool_failures[key]

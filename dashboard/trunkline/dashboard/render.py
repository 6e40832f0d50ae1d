"""Whole pages, or one block of a page for a partial update; one Jinja environment for both."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from trunkline.dashboard import approval_entry, approval_words, flow_words, formats
from trunkline.dashboard.assets import Assets
from trunkline.dashboard.looked_after import STATE_TONES, URGENCY_TONES
from trunkline.dashboard.timeline import word_runs

_FILTERS = (
    "duration",
    "milliseconds",
    "amount",
    "epoch_ms",
    "iso",
    "local_time",
    "local_day",
    "local_full",
    "state_words",
    "standing",
    "caller_words",
    "person",
    "cause_words",
    "answerable_words",
    "cause_tone",
    "outcome_words",
    "outcome_tone",
    "guard_words",
    "guard_tone",
    "response_tone",
    "silence_tone",
    "step_words",
    "name_words",
    "pretty_json",
    "percent",
)


class Pages:
    """Renders templates; everything a caller said or a service answered is escaped."""

    def __init__(self, assets: Assets) -> None:
        self._env = Environment(
            loader=PackageLoader("trunkline.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._env.filters |= {name: getattr(formats, name) for name in _FILTERS}
        for name in ("kind_words", "short_version", "serving_words"):
            self._env.filters[name] = getattr(flow_words, name)
        for name in (
            "approval_state_words",
            "approval_tone",
            "person_words",
            "deed_words",
            "limit_words",
        ):
            self._env.filters[name] = getattr(approval_words, name)
        self._env.filters["urgency_tone"] = URGENCY_TONES.__getitem__
        self._env.filters["escalation_tone"] = lambda state: STATE_TONES.get(state, "calm")
        for show in (approval_entry.approval_summary, approval_entry.changed_arguments):
            self._env.filters[show.__name__] = show
        self._env.filters["word_runs"] = word_runs
        self._env.globals["static"] = assets.url

    def text(self, template: str, block: str | None = None, **context: Any) -> str:
        """The template as text, or only its ``block``."""
        page = self._env.get_template(template)
        if block is None:
            return page.render(**context)
        return "".join(page.blocks[block](page.new_context(context)))

    def page(
        self, template: str, block: str | None = None, *, status: int = 200, **context: Any
    ) -> Response:
        # htmx and plain navigation share URLs: a cache must keep their answers apart.
        headers = {"vary": "HX-Request"}
        return HTMLResponse(self.text(template, block, **context), status, headers=headers)

"""Pictures as SVG that stands by itself: readable in light and in dark, told in titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from trunkline.flows.check.build import build_graphs
from trunkline.flows.check.findings import Finding
from trunkline.flows.draw.layout import Box, Layout, Link, Point, Route, lay_out
from trunkline.flows.draw.picture import Arrow, Node, Picture, picture_of, short
from trunkline.flows.flow import Flow

_MARGIN: Final = 24.0
_CHAR: Final = 6.7  # of the average character at 12 px
_SMALL: Final = 5.9
_LINE: Final = 14.0
_STYLE: Final = """
svg { --ink: #1d2733; --soft: #5b6b7c; --paper: #fff; --card: #f6f8fa; --line: #8a99a8;
  --bad: #c62f2f; --say: #3b6ea8; --ask: #2c7a7b; --tool: #8a5a00; --branch: #6b4fa0;
  --away: #2f7d4f; --end: #57606a;
  background: var(--paper);
  font: 12px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --soft: #9aa7b4; --paper: #11161c;
  --card: #1a222b; --line: #66788a; --bad: #ff7b72; --say: #79b0ec; --ask: #5cc8c1;
  --tool: #e0a94a; --branch: #b79cf0; --away: #6fcf97; --end: #9aa7b4; } }
.paper { fill: var(--paper); } .card { fill: var(--card); stroke: var(--kind); stroke-width: 1.4; }
.bar { fill: var(--kind); } .name { font-weight: 600; fill: var(--ink); }
.sub { font-size: 10.5px; fill: var(--soft); }
.kind { font-size: 9.5px; fill: var(--kind); text-anchor: end; }
.way { fill: none; stroke: var(--line); stroke-width: 1.2; }
.unwanted .way { stroke-dasharray: 4 3; }
.label { font-size: 10.5px; fill: var(--ink); text-anchor: middle; paint-order: stroke;
  stroke: var(--paper); stroke-width: 3px; } .unwanted .label { fill: var(--soft); }
.head { fill: var(--line); } .title { font-size: 16px; font-weight: 600; fill: var(--ink); }
.wrong .card { stroke: var(--bad); stroke-width: 2.4; }
.mark { fill: var(--bad); font-weight: 700; }
.say, .set, .digits { --kind: var(--say); } .ask, .collect { --kind: var(--ask); }
.tool, .flow, .return { --kind: var(--tool); } .branch, .voicemail { --kind: var(--branch); }
.transfer, .queue, .handoff { --kind: var(--away); } .hang_up { --kind: var(--end); }
"""


def draw_flow(flow: Flow, findings: Sequence[Finding] = ()) -> str:
    """The flow and its sub-flows, one below the other; steps with ``findings`` are marked."""
    wrong: dict[str, list[str]] = {}
    for finding in findings:
        wrong.setdefault(_step_of(finding.where), []).append(finding.message)
    parts: list[str] = []
    width, y = 0.0, _MARGIN
    for graph in build_graphs(flow):
        picture = picture_of(flow, graph)
        layout = lay_out(
            [_box(node) for node in picture.nodes],
            [_link(arrow) for arrow in picture.arrows],
            picture.start,
        )
        body, height = _picture(picture, layout, wrong)
        parts.append(f'<g transform="translate({_MARGIN:g} {y:.1f})">{body}</g>')
        told = max((len(line) for line in picture.anywhere), default=0) * _CHAR
        width = max(width, layout.width + 30, len(picture.title) * 10, told)
        y += height + _MARGIN * 2
    size = f'width="{width + 2 * _MARGIN:.0f}" height="{y:.0f}"'
    view = f'viewBox="0 0 {width + 2 * _MARGIN:.0f} {y:.0f}"'
    name = escape(f"The flow of {flow.agent.display_name}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img">'
        f"<title>{name}</title><style>{escape(_STYLE)}</style>"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>'
        '<rect class="paper" width="100%" height="100%"/>' + "".join(parts) + "</svg>\n"
    )


def _step_of(where: str) -> str:
    """The full name of the step that a finding's dotted path lies in."""
    parts = where.split(".")
    if parts[0] == "steps" and len(parts) > 1:
        return parts[1]
    if parts[0] == "flows" and len(parts) > 3:
        return f"{parts[1]}.{parts[3]}"
    return ""


def _box(node: Node) -> Box:
    kind = len(node.kind) + (len(" (high risk)") if node.is_risky else 0)
    name = len(node.title) * _CHAR * 1.08 + kind * _SMALL + 34
    return Box(node.name, max(96.0, name, len(node.subtitle) * _SMALL + 24), 38.0)


def _link(arrow: Arrow) -> Link:
    widest = max((len(label) for label in arrow.labels), default=0)
    return Link(
        arrow.source,
        arrow.target,
        widest * _SMALL + 8 if widest else 0.0,
        len(arrow.labels) * _LINE,
    )


def _picture(
    picture: Picture, layout: Layout, wrong: Mapping[str, Sequence[str]]
) -> tuple[str, float]:
    top = 34.0
    parts = [f'<text class="title" y="14">{escape(picture.title)}</text>']
    parts.append(f'<g transform="translate(0 {top:g})">')
    for arrow, route in zip(picture.arrows, layout.routes, strict=True):
        parts.append(_arrow(arrow, route))
    parts += [
        _node(node, layout.centres[node.name], wrong.get(node.name, ())) for node in picture.nodes
    ]
    parts.append("</g>")
    y = top + layout.height + 28
    if picture.anywhere:
        parts.append(f'<text class="name" y="{y:.1f}">Wherever the call is</text>')
        for line in picture.anywhere:
            y += 16
            parts.append(f'<text class="sub" y="{y:.1f}">{escape(line)}</text>')
    return "".join(parts), y


def _node(node: Node, centre: Point, wrong: Sequence[str]) -> str:
    box = _box(node)
    left, top = centre.x - box.width / 2, centre.y - box.height / 2
    round_ = {"hang_up": 19, "transfer": 19, "handoff": 19, "queue": 19, "branch": 2, "tool": 2}
    radius = round_.get(node.kind, 8)
    kind = f"{node.kind} (high risk)" if node.is_risky else node.kind
    tells = "\n".join((node.tells, *(f"! {message}" for message in wrong)))
    classes = f"{node.kind} wrong" if wrong else node.kind
    mark = f'<text class="mark" x="{left - 9:.1f}" y="{top + 13:.1f}">!</text>' if wrong else ""
    return (
        f"<g class={quoteattr(classes)}><title>{escape(tells)}</title>"
        f'<rect class="card" x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:g}" rx="{radius}"/>{mark}'
        f'<text class="name" x="{left + 10:.1f}" y="{top + 16:.1f}">{escape(node.title)}</text>'
        f'<text class="kind" x="{left + box.width - 9:.1f}" y="{top + 15:.1f}">'
        f"{escape(kind.replace('_', ' '))}</text>"
        f'<text class="sub" x="{left + 10:.1f}" y="{top + 30:.1f}">{escape(node.subtitle)}</text>'
        "</g>"
    )


def _arrow(arrow: Arrow, route: Route) -> str:
    classes = ' class="unwanted"' if arrow.is_unwanted else ""
    label = ""
    if route.label is not None:
        first = route.label.y - (len(arrow.labels) - 1) * _LINE / 2 + 4
        label = "".join(
            f'<text class="label" x="{route.label.x:.1f}" y="{first + place * _LINE:.1f}">'
            f"{escape(short(text))}</text>"
            for place, text in enumerate(arrow.labels)
        )
    return (
        f"<g{classes}><title>{escape(arrow.tells)}</title>"
        f'<path class="way" marker-end="url(#head)" d="{curve(route.points)}"/>{label}</g>'
    )


def curve(points: Sequence[Point]) -> str:
    """One smooth path through all points, upright where it passes a rank."""
    path = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for a, b in zip(points, points[1:], strict=False):
        half = (b.y - a.y) / 2
        if abs(a.x - b.x) < 0.5 or not half:
            path.append(f"L{b.x:.1f} {b.y:.1f}")
        else:
            path.append(
                f"C{a.x:.1f} {a.y + half:.1f} {b.x:.1f} {b.y - half:.1f} {b.x:.1f} {b.y:.1f}"
            )
    return "".join(path)

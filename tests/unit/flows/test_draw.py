"""A drawing keeps its promises: nothing over anything else, every step and way there, real XML."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.flows.conversation import flow_of

from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.check.checker import examine_text
from trunkline.flows.draw.layout import Box, Layout, Link, lay_out
from trunkline.flows.draw.svg import draw_flow
from trunkline.flows.flow import Flow

SVG = "{http://www.w3.org/2000/svg}"
CORPUS = Path(__file__).parent / "corpus"
ENERGY = flow_of((SHIPPED_AGENTS / "energy.yaml").read_text())


@st.composite
def drawings(draw: st.DrawFn) -> tuple[list[Box], list[Link]]:
    count = draw(st.integers(1, 12))
    boxes = [Box(str(n), float(draw(st.integers(20, 200))), 38.0) for n in range(count)]
    ends = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(ends, ends), max_size=24, unique=True))
    links = [Link(str(a), str(b), float(draw(st.sampled_from([0, 60]))), 14.0) for a, b in pairs]
    return boxes, links


def rectangles(
    boxes: list[Box], links: list[Link], layout: Layout
) -> list[tuple[float, float, float, float]]:
    found = []
    for box in boxes:
        at = layout.centres[box.name]
        found.append((at.x, at.y, box.width, box.height))
    for link, route in zip(links, layout.routes, strict=True):
        if route.label is not None and link.source != link.target:
            found.append((route.label.x, route.label.y, link.label_width, link.label_height))
    return found


@settings(max_examples=60, deadline=None)
@given(drawings())
def test_no_box_and_no_label_lies_over_another(drawing: tuple[list[Box], list[Link]]) -> None:
    boxes, links = drawing
    layout = lay_out(boxes, links, "0")
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(rectangles(boxes, links, layout), 2):
        assert abs(x - x2) >= (w + w2) / 2 - 1e-6 or abs(y - y2) >= (h + h2) / 2 - 1e-6


@settings(max_examples=60, deadline=None)
@given(drawings())
def test_every_link_runs_from_its_source_to_its_target(
    drawing: tuple[list[Box], list[Link]],
) -> None:
    boxes, links = drawing
    sizes = {box.name: box for box in boxes}
    layout = lay_out(boxes, links, "0")
    for link, route in zip(links, layout.routes, strict=True):
        for name, point in ((link.source, route.points[0]), (link.target, route.points[-1])):
            at, box = layout.centres[name], sizes[name]
            assert abs(point.x - at.x) <= box.width / 2 + 1e-6
            assert abs(point.y - at.y) <= box.height / 2 + 1e-6
        if link.source != link.target:
            downs = [b.y - a.y for a, b in pairwise(route.points)]
            assert all(down < 0 for down in downs) or all(down > 0 for down in downs)


def test_a_drawing_is_the_same_every_time() -> None:
    assert draw_flow(ENERGY) == draw_flow(ENERGY)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_flow_is_drawn_as_xml_with_a_title_for_every_step(path: Path) -> None:
    checked = examine_text(path.read_text(), environment={}, name=path.name)
    if checked.flow is not None:
        assert set(checked.flow.steps) <= titles(checked.flow)


def titles(flow: Flow) -> set[str]:
    """The names of the steps that a drawing has a title for."""
    root = ElementTree.fromstring(draw_flow(flow))
    assert root.tag == f"{SVG}svg"
    found = [title.text or "" for title in root.iter(f"{SVG}title")]
    return {text.partition(" (")[0] for text in found}


def test_steps_with_findings_are_marked() -> None:
    text = (CORPUS / "unidentified.yaml").read_text()
    checked = examine_text(text, environment={})
    assert checked.flow is not None
    plain, marked = draw_flow(checked.flow), draw_flow(checked.flow, checked.findings)
    assert 'class="tool wrong"' not in plain
    assert 'class="tool wrong"' in marked


def test_texts_cannot_break_out_of_the_drawing() -> None:
    text = (CORPUS / "sound.yaml").read_text()
    flow = flow_of(text.replace("How can I help?", "'</text><script>alert(1)</script>'"))
    root = ElementTree.fromstring(draw_flow(flow))
    assert not list(root.iter(f"{SVG}script"))

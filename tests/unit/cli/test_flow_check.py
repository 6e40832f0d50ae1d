"""``trunkline flow check`` and ``draw``: exit codes, lines editors understand, JSON, SVG."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from trunkline.cli.flow import flow
from trunkline.flows.catalog import SHIPPED_AGENTS

CORPUS = Path(__file__).parent.parent / "flows" / "corpus"
ENERGY = SHIPPED_AGENTS / "energy.yaml"


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(flow, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("name", "options", "status"),
    [
        ("sound", [], 0),
        ("unidentified", [], 1),
        ("missing_tool", [], 1),
        ("unused_tool", [], 0),
        ("unused_tool", ["--strict"], 1),
    ],
)
def test_the_exit_code_says_how_it_went(name: str, options: list[str], status: int) -> None:
    assert run("check", *options, CORPUS / f"{name}.yaml")[0] == status


def test_a_file_that_cannot_be_read_ends_with_2_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe")
    status, output = run("check", tmp_path / "none.yaml", tmp_path / "bad.yaml", ENERGY)
    assert status == 2
    assert "none.yaml: cannot be read" in output
    assert "bad.yaml: is not UTF-8" in output
    assert "energy.yaml: nothing wrong" in output


def test_a_finding_is_told_with_its_line_and_the_way_to_it() -> None:
    path = CORPUS / "unidentified.yaml"
    _, output = run("check", path)
    line = next(line for line in output.splitlines() if "[unidentified]" in line)
    number = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if text == "  pay:")
    assert line.startswith(f"{path}:{number}: error [unidentified] steps.pay: ")
    assert "2. menu" in output
    assert "the caller presses 2" in output


def test_a_directory_stands_for_the_flows_in_it() -> None:
    status, output = run("check", SHIPPED_AGENTS)
    assert status == 0
    assert "energy.yaml: nothing wrong" in output
    assert "proved: no way to pay_bill" in output


def test_json_has_findings_and_proofs() -> None:
    _, output = run("check", "--json", CORPUS / "unidentified.yaml", CORPUS / "sound.yaml")
    broken, sound = orjson.loads(output)
    finding = next(f for f in broken["findings"] if f["code"] == "unidentified")
    assert finding["severity"] == "error"
    assert [hop["step"] for hop in finding["way"]] == ["welcome", "menu", "fine_amount", "pay"]
    assert sound["findings"] == []
    assert sound["proofs"][0]["tool"] == "pay_fine"
    assert sound["agent"] == "library"


def test_a_flow_is_drawn_into_a_file(tmp_path: Path) -> None:
    picture = tmp_path / "energy.svg"
    assert run("draw", ENERGY, "-o", picture) == (0, "")
    assert picture.read_text().startswith("<svg")


def test_a_flow_that_does_not_load_is_not_drawn(tmp_path: Path) -> None:
    status, output = run("draw", CORPUS / "missing_tool.yaml")
    assert status == 1
    assert "there is no tool 'get_loan'" in output
    assert run("draw", tmp_path / "none.yaml")[0] == 2


def test_a_picture_that_cannot_be_written_ends_with_2(tmp_path: Path) -> None:
    status, output = run("draw", ENERGY, "-o", tmp_path / "none" / "x.svg")
    assert status == 2
    assert "cannot be written" in output

"""``trunkline flow dry-run``: the checked request, its secrets masked, and nothing sent."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from trunkline.cli.main import main

FLOW = """
agent: {name: library, display_name: Library}
start: bye
tools:
  get_loans:
    description: What a card has on loan.
    parameters: {type: object, properties: {card: {type: string}}, required: [card]}
    http:
      method: POST
      url: "https://nowhere.invalid/cards/{{ card }}"
      headers: {Authorization: "Bearer {{ secrets.books }}"}
      body: {card: "{{ card }}"}
    idempotent: true
    retry: {attempts: 3}
  pay:
    description: Pay.
    risk: high
    http: {url: "https://nowhere.invalid/pay"}
steps:
  bye: {say: Goodbye., hang_up: done}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUNKLINE_SECRET_BOOKS", "the-real-one")
    path = tmp_path / "library.yaml"
    path.write_text(FLOW, encoding="utf-8")
    return path


def run(file: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["flow", "dry-run", str(file), *words])


def test_the_request_is_shown_with_its_secrets_masked(file: Path) -> None:
    result = run(file, "get_loans", "--arguments", '{"card": "1/2"}')
    assert result.exit_code == 0, result.output
    shown = orjson.loads(result.output)
    assert shown["would_be"] == "run"
    assert (shown["attempts"], shown["secrets"]) == (3, ["books"])
    assert shown["http"]["method"] == "POST"
    assert shown["http"]["url"] == "https://nowhere.invalid/cards/1%2F2"
    assert shown["http"]["body"] == {"card": "1/2"}
    assert "the-real-one" not in result.output


def test_a_high_risk_tool_would_be_parked(file: Path) -> None:
    assert orjson.loads(run(file, "pay").output)["would_be"] == "parked for approval"


def test_arguments_that_do_not_fit_are_a_typed_error_and_a_failure(file: Path) -> None:
    result = run(file, "get_loans", "--arguments", '{"card": 12}')
    assert result.exit_code == 1
    error = orjson.loads(result.output)["error"]
    assert (error["code"], error["param"]) == ("invalid_arguments", "card")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("get_loan",), "there are: get_loans, pay"),
        (("get_loans", "--arguments", "{"), "not JSON"),
        (("get_loans", "--arguments", "[]"), "not a JSON object"),
    ],
)
def test_a_wrong_command_line_is_told_what_is_wrong(
    file: Path, words: tuple[str, ...], said: str
) -> None:
    result = run(file, *words)
    assert result.exit_code == 2 and said in result.output


def test_a_flow_with_mistakes_is_told_by_line(file: Path) -> None:
    file.write_text(FLOW.replace('http: {url: "https://nowhere.invalid/pay"}', "builtin: jump"))
    result = run(file, "pay")
    assert result.exit_code == 1
    assert "library.yaml, line 18" in result.output

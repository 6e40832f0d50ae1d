"""Settings come from the environment and one TOML file, and complain by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.runtime.settings import NumberSettings, TrunkSettings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("TRUNKLINE_"):
            monkeypatch.delenv(name)


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "trunkline.toml"
    file.write_text(
        'sip_port = 5070\nweb_port = 9000\n[[trunks]]\nname = "acme"\nauth = "source"\n'
        'sources = ["192.0.2.0/24"]\n[[numbers]]\nnumber = "+15550100"\nagent = "energy"\n'
    )
    monkeypatch.setenv("TRUNKLINE_CONFIG", str(file))
    monkeypatch.setenv("TRUNKLINE_WEB_PORT", "9100")
    settings = load_settings()
    assert (settings.sip_port, settings.web_port) == (5070, 9100)
    assert settings.trunks[0].name == "acme"
    assert settings.numbers[0].agent == "energy"
    assert settings.resolved_sip_health_port == 9101


def test_rtp_ports_are_read_as_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_RTP_PORTS", "30000-30100")
    assert load_settings().rtp_ports == (30000, 30100)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TRUNKLINE_RTP_PORTS", "many", "FIRST-LAST"),
        ("TRUNKLINE_RTP_PORTS", "9000-8000", "first below last"),
        ("TRUNKLINE_SIP_PORT", "sip", "TRUNKLINE_SIP_PORT"),
        ("TRUNKLINE_MAX_CALLS", "0", "TRUNKLINE_MAX_CALLS"),
    ],
)
def test_a_wrong_value_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=says):
        load_settings()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_CONFIG", "nowhere.toml")
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_settings()


def test_secrets_do_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_API_KEY", "tk_hush")
    assert "hush" not in repr(load_settings())


def test_a_trunk_takes_nothing_from_variables_that_are_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("USERNAME", "somebody")
    monkeypatch.setenv("TRUNK", "elsewhere")
    assert TrunkSettings(name="acme").username == ""
    assert NumberSettings(number="1", agent="a").trunk is None


def test_sample_numbers_are_served_unless_taken_or_the_local_trunk_is_off() -> None:
    assert [n.number for n in load_settings().served_numbers()] == ["100", "101", "102", "103"]
    taken = NumberSettings(number="100", agent="mine")
    served = load_settings(numbers=(taken,)).served_numbers()
    assert [(n.number, n.agent) for n in served] == [
        ("100", "mine"), ("101", "clinic"), ("102", "shop"), ("103", "after_hours"),
    ]  # fmt: skip
    elsewhere = NumberSettings(number="101", agent="mine", trunk="carrier")
    assert len(load_settings(numbers=(elsewhere,)).served_numbers()) == 5
    assert load_settings(local_trunk=False).served_numbers() == ()

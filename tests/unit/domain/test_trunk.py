"""Sources find their trunk and numbers their agent."""

from __future__ import annotations

import pytest

from trunkline.domain.errors import Invalid
from trunkline.domain.trunk import (
    LOCAL_TRUNK,
    NumberRoute,
    Trunk,
    TrunkAuth,
    normalise_number,
    route,
    trunk_for_source,
)

ACME = Trunk(name="acme", auth=TrunkAuth.SOURCE, sources=("198.51.100.0/24", "2001:db8::/32"))


@pytest.mark.parametrize(
    ("source", "trunk"),
    [
        ("198.51.100.7", "acme"),
        ("2001:db8::5", "acme"),
        ("127.0.0.1", "local"),
        ("10.2.3.4", "local"),
        ("172.31.0.9", "local"),
        ("172.32.0.9", None),
        ("203.0.113.1", None),
    ],
)
def test_a_source_is_admitted_by_the_first_trunk_that_knows_it(
    source: str, trunk: str | None
) -> None:
    found = trunk_for_source([ACME, LOCAL_TRUNK], source)
    assert (found.name if found else None) == trunk


def test_a_route_bound_to_the_trunk_wins_over_a_general_one() -> None:
    routes = [NumberRoute("100", "general"), NumberRoute("100", "special", trunk="acme")]
    assert route(routes, "acme", "100") == routes[1]
    assert route(routes, "local", "100") == routes[0]
    assert route(routes, "local", "101") is None


@pytest.mark.parametrize(
    ("raw", "number"), [("+49 (30) 123-45", "+493012345"), ("100", "100"), ("*21#", "*21#")]
)
def test_separators_are_stripped_from_numbers(raw: str, number: str) -> None:
    assert normalise_number(raw) == number


@pytest.mark.parametrize("raw", ["", "bob", "+", "12a"])
def test_what_is_no_number_is_refused(raw: str) -> None:
    with pytest.raises(Invalid, match="not a phone number"):
        normalise_number(raw)


def test_a_trunk_does_not_show_its_password() -> None:
    assert "hush" not in repr(Trunk(name="x", auth=TrunkAuth.REGISTER, password="hush"))

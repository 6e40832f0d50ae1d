from __future__ import annotations

from dataclasses import replace

from trunkline.calls.trunk_board import TrunkReading, TrunkState, standing

CARRIER = TrunkReading(
    name="carrier", auth="register", is_registered=True, calls_up=2, calls_taken=10, max_calls=30,
    refused={"503": 1}, options_status=200,
)  # fmt: skip


def test_what_the_edges_say_of_a_trunk_is_summed() -> None:
    (one,) = standing([CARRIER, replace(CARRIER, calls_up=1, refused={"503": 2, "404": 1})])
    assert (one.edges, one.reading.calls_up, one.reading.calls_taken) == (2, 3, 20)
    assert one.reading.refused == {"503": 3, "404": 1}
    assert one.state is TrunkState.UP
    assert one.reading.max_calls == 30, "shared by all edges: no sum"


def test_one_edge_that_registers_is_enough_for_all() -> None:
    other = replace(CARRIER, is_registered=False, problem="no answer yet", retry_in_s=40)
    (one,) = standing([other, CARRIER])
    assert (one.state, one.reading.problem, one.reading.retry_in_s) == (TrunkState.UP, "", 0)
    (none,) = standing([other, other])
    assert (none.state, none.reading.problem) == (TrunkState.UNREGISTERED, "no answer yet")
    assert none.reading.retry_in_s == 40


def test_a_trunk_that_one_edge_cannot_reach_is_down() -> None:
    up, down = replace(CARRIER, is_up=True), replace(CARRIER, is_up=False, options_status=408)
    (one,) = standing([up, down])
    assert (one.state, one.reading.options_status) == (TrunkState.DOWN, 408)


def test_a_trunk_that_nothing_asks_is_neither_up_nor_down() -> None:
    (one,) = standing([replace(CARRIER, is_registered=None)])
    assert one.state is TrunkState.UNKNOWN


def test_trunks_keep_the_order_of_the_file() -> None:
    names = [one.reading.name for one in standing([CARRIER, replace(CARRIER, name="backup")])]
    assert names == ["carrier", "backup"]

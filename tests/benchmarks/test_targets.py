"""Targets: which are kept, and what is said about them."""

import math

import pytest

from benchmarks._targets import Target, print_targets, quotient

CASES = (
    (1.1, 1.1, "at most", True, "0% to spare"),
    (0.88, 1.1, "at most", True, "20% to spare"),
    (1.21, 1.1, "at most", False, "10% past it"),
    (4.0, 4.0, "at least", True, "0% to spare"),
    (3.0, 4.0, "at least", False, "25% short of it"),
)


@pytest.mark.parametrize(("value", "bound", "sense", "kept", "distance"), CASES)
def test_a_target_says_whether_it_is_kept_and_how_far_off(
    value: float, bound: float, sense: str, kept: bool, distance: str
) -> None:
    target = Target(
        name="t", value=value, bound=bound, sense="at most" if sense == "at most" else "at least"
    )
    assert (target.kept, target.distance) == (kept, distance)
    assert str(target).startswith("PASS " if kept else "MISSED ")


def test_what_was_not_measured_is_absent_and_misses_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert print_targets([Target(name="t", value=None, bound=1, why="no go")])
    assert capsys.readouterr().out == "  ABSENT t (at most 1): no go\n"


def test_one_missed_target_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert not print_targets(Target(name="t", value=value, bound=1) for value in (2, 0.5))
    assert "MISSED t: 2 (at most 1; 100% past it)" in capsys.readouterr().out


def test_where_noise_ate_a_figure_there_is_no_ratio_and_no_pass() -> None:
    assert quotient(3, 2) == 1.5
    assert quotient(3, -0.1) == math.inf
    target = Target(name="t", value=quotient(-1, 2), bound=1.1)
    assert target.kept is False
    assert "noise" in str(target)

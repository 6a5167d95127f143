"""How long a worker that died waits for its next process."""

from itertools import accumulate, repeat

from colorfast.extproc._backoff import FIRST, LONGEST, SETTLED, Backoff


def delays(*lives: float) -> list[float]:
    """The delay after each of *lives*, in seconds."""
    states = accumulate(lives, Backoff.after, initial=Backoff())
    return [state.delay for state in states][1:]


def test_the_first_death_costs_no_wait() -> None:
    assert delays(0.0) == [0.0]


def test_deaths_in_a_row_wait_twice_as_long_each() -> None:
    assert delays(0.0, 0.0, 0.0, 0.0) == [0.0, FIRST, 2 * FIRST, 4 * FIRST]


def test_no_wait_is_longer_than_the_longest() -> None:
    assert delays(*repeat(0.0, 10_000))[-1] == LONGEST


def test_a_worker_that_settled_starts_anew() -> None:
    assert delays(0.0, 0.0, 0.0, SETTLED, 0.0) == [0.0, FIRST, 2 * FIRST, 0.0, FIRST]

"""What makes a figure of samples: turns, pairs, and what is thrown away."""

from benchmarks._backend_tables import cost
from benchmarks._rounds import Plan, Rounds, Sample, take_rounds
from helpers.samples import noisy, sample


def rate(one: Sample) -> float:
    return one.per_second


class Machine:
    """Gives out samples, and remembers which rows asked."""

    def __init__(self, *given: Sample) -> None:
        self._given = list(given)
        self.asked: list[str] = []

    async def __call__(self, row: str) -> Sample:
        self.asked.append(row)
        return self._given.pop(0) if self._given else sample()


async def test_rows_take_turns_to_and_fro() -> None:
    machine = Machine()
    await take_rounds(["a", "b", "c"], machine, Plan(rounds=3, seconds=1, spare=0))
    assert machine.asked == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]


async def test_a_noisy_sample_is_discarded_counted_and_taken_again() -> None:
    machine = Machine(noisy(), noisy(), sample(rate=7))
    rounds = await take_rounds(["a"], machine, Plan(rounds=1, seconds=1, spare=5))
    assert (len(rounds.discarded), rounds.median("a", rate)) == (2, 7)


async def test_the_spare_samples_are_bounded_over_all_rows() -> None:
    machine = Machine(*[noisy()] * 10)
    rounds = await take_rounds(["a", "b"], machine, Plan(rounds=2, seconds=1, spare=3))
    assert (len(machine.asked), len(rounds.discarded)) == (7, 3)


def test_a_row_is_the_median_of_its_quiet_samples() -> None:
    rounds = Rounds(samples={"a": [sample(rate=1), noisy(900), sample(rate=3)]})
    assert rounds.median("a", rate) == 2
    assert rounds.noisy == []


def test_a_row_without_quiet_samples_uses_all_and_is_called_noisy() -> None:
    rounds = Rounds(samples={"a": [noisy(1), noisy(5)], "b": [sample(), sample()]})
    assert (rounds.median("a", rate), rounds.noisy) == (3, ["a"])
    assert "NOISY: 1 of 2 rows" in rounds.noise()


def test_a_ratio_is_the_median_of_the_rounds_ratios_and_not_of_medians() -> None:
    fast = [sample(rate=10), sample(rate=100), sample(rate=40)]
    slow = [sample(rate=5), sample(rate=100), sample(rate=10)]
    assert Rounds(samples={"a": fast, "b": slow}).ratio("a", "b", rate) == 2


def test_a_pair_counts_when_both_are_quiet_whatever_a_third_row_had() -> None:
    rounds = Rounds(
        samples={
            "a": [sample(rate=10), noisy(999), sample(rate=30)],
            "b": [sample(rate=5), sample(rate=1), sample(rate=10)],
            "c": [noisy(), noisy(), noisy()],
        }
    )
    assert [one.per_second for one, _ in rounds.pairs("a", "b")] == [10, 30]
    assert len(rounds.pairs("a", "c")) == 3  # there is no quiet one


def test_failures_of_discarded_samples_count_too() -> None:
    rounds = Rounds(samples={"a": [sample(failed=1)]}, discarded=[sample(failed=2)])
    assert rounds.failed == 3


def test_a_backend_costs_the_median_of_its_differences_to_the_empty_chain() -> None:
    rounds = Rounds(
        samples={
            "empty": [sample(envoy=10), sample(envoy=20), sample(envoy=12)],
            "row": [sample(envoy=13), sample(envoy=24), sample(envoy=17)],
        }
    )
    found = cost(rounds, "row", "empty")
    assert (found.over, found.spread, found.quiet) == (4, 1, 3)
    assert found.total_ratio == 1.3

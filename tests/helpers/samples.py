"""Samples as the benchmarks take them, made up."""

from benchmarks._rounds import Sample


def sample(
    *,
    rate: float = 1000.0,
    envoy: float = 10.0,
    service: float = 5.0,
    foreign: float = 0.0,
    p99: float = 1.0,
    failed: int = 0,
) -> Sample:
    return Sample(
        per_second=rate,
        p50=p99 / 2,
        p99=p99,
        envoy_us=envoy,
        service_us=service,
        failed=failed,
        foreign=foreign,
    )


def noisy(rate: float = 1000.0) -> Sample:
    return sample(rate=rate, foreign=0.5)

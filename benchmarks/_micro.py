"""The processor alone: bytes in, bytes out, no gRPC and no Envoy."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks._measure import interleaved, ratio
from colorfast.envoy import ExtProcOptions, ext_proc_chain
from colorfast.extproc import Processor, StreamOptions
from colorfast.extproc.wire import ProcessingRequest, ProcessingResponse
from colorfast.policy import Engine, Policy

Lines = tuple[tuple[str, bytes], ...]

CURL: Lines = (
    (":authority", b"shop.example.com"),
    (":path", b"/"),
    (":method", b"GET"),
    (":scheme", b"http"),
    ("user-agent", b"curl/8.5.0"),
    ("accept", b"*/*"),
    ("agent", b"pc"),
    ("x-forwarded-proto", b"http"),
    ("x-request-id", b"0f2d5f6e-5b7a-4a57-9d6c-2f7c6a2d5e11"),
)
BROWSER: Lines = (
    *(line for line in CURL if line[0] not in ("user-agent", "accept")),
    ("user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", b"en-US,en;q=0.5"),
    ("accept-encoding", b"gzip, deflate, br, zstd"),
    ("upgrade-insecure-requests", b"1"),
    ("sec-fetch-dest", b"document"),
    ("sec-fetch-mode", b"navigate"),
    ("sec-fetch-site", b"none"),
    ("referer", b"https://shop.example.com/products?page=2"),
    ("cookie", b"session=0123456789abcdef; uid=u123; theme=dark"),
)
MANY: Lines = tuple((f"x-header-{i}", b"some value of a header, number %d" % i) for i in range(30))
COOKIES = b"; ".join(b"key-%03d=%s" % (i, b"v" * 70) for i in range(102))

SHAPES: Mapping[str, Lines] = {
    "curl, 9 headers": CURL,
    "curl and baggage": (*CURL, ("baggage", b"tenant=acme,region=eu")),
    "browser, 17 headers": BROWSER,
    "browser, 30 more": (*BROWSER, *MANY),
    "browser, 8 KiB cookie": (
        *(line for line in BROWSER if line[0] != "cookie"),
        ("cookie", COOKIES),
    ),
}


def processor_costs(policy: Policy, *, quick: bool) -> dict[str, dict[str, float]]:
    """By shape: microseconds a message with all headers, with the forwarded ones; the ratio."""
    forwards = _forwarded(policy)
    stream = StreamOptions(forwards=forwards)
    processor = Processor(Engine(policy))
    calls = {}
    for name, lines in SHAPES.items():
        few = tuple(line for line in lines if line[0] in forwards)
        calls[f"{name}, all"] = _call(processor, message(lines), stream)
        calls[f"{name}, forwarded"] = _call(processor, message(few), stream)
    samples = interleaved(calls, rounds=5 if quick else 25)
    return {name: _row(samples[f"{name}, all"], samples[f"{name}, forwarded"]) for name in SHAPES}


def _row(every: Sequence[float], forwarded: Sequence[float]) -> dict[str, float]:
    return {
        "ratio": ratio(forwarded, every),
        "forwarded": statistics.median(forwarded),
        "all": statistics.median(every),
    }


def message(lines: Lines) -> bytes:
    """A ProcessingRequest as Envoy 1.40 sends it for a request without a body."""
    request = ProcessingRequest()
    for name, value in lines:
        request.request_headers.headers.headers.add(key=name, raw_value=value)
    # metadata_context and protocol_config: always there, empty; we have no names for them.
    return request.SerializeToString() + b"\x42\x00\x5a\x00"


def _call(processor: Processor, asked: bytes, stream: StreamOptions) -> Callable[[], bytes]:
    answer = ProcessingResponse.FromString(processor.process(asked, stream))
    sets = answer.request_headers.response.header_mutation.set_headers
    assert sets[0].header.raw_value == b"canary"
    process = processor.process
    return lambda: process(asked, stream)


def _forwarded(policy: Policy) -> frozenset[str]:
    """What Envoy sends when its filter is generated from *policy*."""
    config = ext_proc_chain(policy, ExtProcOptions()).filters[0]["typed_config"]
    return frozenset(one["exact"] for one in config["forward_rules"]["allowed_headers"]["patterns"])

"""Filter and processor against the engine: what the filter sends on, and what comes back.

The rest of Envoy is played here: forward rules, the attribute, and the answer's mutation.
"""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorfast.envoy import ExtProcOptions, Json, Station, ext_proc_chain
from colorfast.extproc import Processor, StreamOptions
from colorfast.extproc.wire import ProcessingRequest, ProcessingResponse
from colorfast.policy import Engine, Lines, Policy, Request
from helpers.policies import from_data
from helpers.strategies import requests_to, specs
from helpers.writes import after, by_name, with_port

STATIONS: tuple[Station, ...] = ("dye", "carry")


class Filter:
    """The ext_proc filter of one station, with the service behind it in this process."""

    def __init__(self, policy: Policy, station: Station, processor: Processor) -> None:
        chain = ext_proc_chain(policy, ExtProcOptions(station=station, metadata=True))
        config: Json = next(one for one in chain.filters if one["name"] == f"colorfast.{station}")
        self._config = config["typed_config"]
        sent = self._config["grpc_service"]["initial_metadata"]
        self._stream = StreamOptions.from_metadata([(one["key"], one["value"]) for one in sent])
        self._processor = processor

    def pass_on(self, lines: Lines, ip: str) -> tuple[dict[str, list[bytes]], dict[str, str]]:
        """The values of each name that the next hop gets, and the metadata."""
        message = self._message(lines, ip).SerializeToString()
        answer = ProcessingResponse.FromString(self._processor.process(message, self._stream))
        mutation = answer.request_headers.response.header_mutation
        sets = [(one.header.key, one.header.raw_value) for one in mutation.set_headers]
        touched = {*mutation.remove_headers, *(name for name, _ in sets)}
        told = answer.dynamic_metadata.fields["colorfast"].struct_value.fields
        kept = [line for line in lines if line[0] not in touched]
        return by_name([*kept, *sets]), {key: one.string_value for key, one in told.items()}

    def _message(self, lines: Lines, ip: str) -> ProcessingRequest:
        request = ProcessingRequest()
        request.request_headers.SetInParent()
        for name, value in self._forwarded(lines):
            request.request_headers.headers.headers.add(key=name, raw_value=value)
        if "request_attributes" in self._config:
            fields = request.attributes["envoy.filters.http.ext_proc"].fields
            fields["source.address"].string_value = with_port(ip)
        return request

    def _forwarded(self, lines: Lines) -> Sequence[tuple[str, bytes]]:
        patterns = self._config["forward_rules"]["allowed_headers"]["patterns"]
        names = {pattern["exact"] for pattern in patterns}
        return [line for line in lines if line[0] in names]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_filter_and_service_write_what_the_engine_writes(data: st.DataObject) -> None:
    spec = data.draw(specs())
    policy = from_data(spec)
    engine = Engine(policy)
    processor = Processor(engine)
    filters = [Filter(policy, station, processor) for station in STATIONS]
    for lines, ip in data.draw(st.lists(requests_to(spec), min_size=1, max_size=6)):
        request = Request(lines, ip)
        for one, outcome in zip(filters, (engine.dye(request), engine.carry(request)), strict=True):
            passed, told = one.pass_on(lines, ip)
            assert passed == after(outcome, lines)
            assert (told.get("lane"), told.get("rule")) == (outcome.lane, outcome.rule)
            assert told["policy"] == policy.digest

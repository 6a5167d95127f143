"""The script in LuaJIT against the engine: every write, on random policies and requests."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorfast.lua import compile_lua
from colorfast.policy import Engine, Request
from helpers.luajit import Script
from helpers.policies import from_data
from helpers.strategies import requests_to, specs
from helpers.writes import after, by_name


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_script_writes_what_the_engine_writes(data: st.DataObject) -> None:
    spec = data.draw(specs())
    policy = from_data(spec)
    engine = Engine(policy)
    dye, carry = (
        Script(compile_lua(policy, station, metadata=True).source) for station in ("dye", "carry")
    )
    for lines, source_ip in data.draw(st.lists(requests_to(spec), min_size=1, max_size=6)):
        request = Request(lines, source_ip)
        for script, outcome in ((dye, engine.dye(request)), (carry, engine.carry(request))):
            answer = script.run(lines, source_ip)
            assert by_name(answer.lines) == after(outcome, lines)
            assert (answer.lane, answer.rule, answer.errors) == (outcome.lane, outcome.rule, ())

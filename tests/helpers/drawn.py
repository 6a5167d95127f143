"""Vectors drawn at random, to be run behind a real Envoy all at once."""

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from colorfast.policy import Lines, VectorFile, VectorModel
from helpers.policies import from_data
from helpers.strategies import Spec, requests_to, specs

_PSEUDO = {":method": "method", ":path": "path", ":authority": "host"}


def drawn_files(count: int, *, requests: int = 8) -> list[VectorFile]:
    """*count* policies with up to *requests* vectors each, one for either station.

    The vectors expect nothing: what the reference makes of them is what counts.
    """
    files: list[VectorFile] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        spec = data.draw(specs())
        sent = data.draw(st.lists(requests_to(spec), min_size=requests // 2, max_size=requests))
        files.append(_file(f"drawn-{len(files)}", spec, sent))

    draw()
    return [file for file in files if file.vectors]


def _file(name: str, spec: Spec, sent: list[tuple[Lines, str]]) -> VectorFile:
    asked = [request for lines, ip in sent if (request := _request(lines, ip)) is not None]
    vectors = tuple(
        VectorModel.model_validate(
            {"name": f"{station} {number}", "station": station, "request": request, "expect": {}}
        )
        for number, request in enumerate(asked)
        for station in ("dye", "carry")
    )
    return VectorFile(file=name, policy=from_data(spec), vectors=vectors)


def _request(lines: Lines, source_ip: str) -> dict[str, Any] | None:
    """A request as a client can send it over HTTP/1.1; None when no client can."""
    fields: dict[str, Any] = {"headers": [], "sourceIp": "127.0.0.1"}
    for name, value in lines:
        try:
            text = value.decode().strip(" \t")
        except UnicodeDecodeError:
            return None
        if name in _PSEUDO:
            fields[_PSEUDO[name]] = text
        else:
            fields["headers"].append([name, text])
    # Envoy answers these itself, or writes them otherwise than they came.
    if not fields["path"].startswith("/") or " " in fields["path"]:
        fields["path"] = "/" + fields["path"].replace(" ", "+")
    fields["path"] = re.sub(r"[^\x21-\x7e]", lambda sign: quote(sign[0]), fields["path"])
    if fields["host"] not in {"shop.example.com", "SHOP:443", "[::1]:8080", "[::1]", "x"}:
        fields["host"] = "shop.example.com"
    if fields["method"] not in {"GET", "POST"}:
        fields["method"] = "GET"
    try:
        address = ip_address(source_ip)
    except ValueError:
        return fields
    if getattr(address, "ipv4_mapped", None) is None and "%" not in source_ip:
        fields["sourceIp"] = str(address)
    return fields

"""The API server as a test asks it: plain JSON over HTTPS, of the standard library alone."""

import base64
import json
import ssl
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from http.client import BadStatusLine, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

Json: TypeAlias = dict[str, Any]
Patch: TypeAlias = Literal["apply-patch+yaml", "merge-patch+json", "json-patch+json"]

_JSON: Final = "application/json"
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"

_ERROR: Final = 400
"""The first status that is one."""

_HUNG_UP: Final = (ConnectionError, BadStatusLine, ssl.SSLEOFError)

TIMEOUT: Final = 20.0
"""Seconds that an answer may take."""


class Refused(Exception):
    """The API server said no. *code* is the HTTP status, *said* its reason."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"{code}: {said}")
        self.code = code
        self.said = said


class _Connection(HTTPSConnection):
    """Closed without a word when nobody has it any more."""

    def __del__(self) -> None:
        self.close()


class Api:
    """An API server at *url*, asked with *token*; *certificate* is the PEM that it is known by."""

    def __init__(self, url: str, token: str, certificate: str) -> None:
        self.url = url
        self.token = token
        self.certificate = certificate
        self._context = ssl.create_default_context(cadata=certificate)
        self._free = deque[_Connection]()
        """Kept open: a new one costs both sides more than most of what is asked."""
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def as_user(self, token: str) -> "Api":
        """The same server for somebody else."""
        return Api(self.url, token, self.certificate)

    def kubeconfig(self, namespace: str = "default") -> Json:
        """A kubeconfig for this server and token, for a file of JSON."""
        data = base64.b64encode(self.certificate.encode()).decode()
        cluster = {"server": self.url, "certificate-authority-data": data}
        context = {"cluster": "lab", "user": "lab", "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": {"token": self.token}}],
            "contexts": [{"name": "lab", "context": context}],
        }

    def request(self, method: str, path: str, body: Any = None, kind: str = "json") -> Any:
        """What *path* answers. Raises Refused, OSError."""
        text = self._asked(method, path, body, kind)
        return json.loads(text) if text[:1] in (b"{", b"[") else text.decode()

    def get(self, path: str) -> Any:
        """What is at *path*. Raises Refused, OSError."""
        return self.request("GET", path)

    def table(self, path: str) -> Any:
        """What ``kubectl get`` shows of *path*."""
        return json.loads(self._asked("GET", path, accept=_TABLE))

    def patch(self, path: str, body: Any, kind: Patch = "merge-patch+json") -> Any:
        """*path* after *body*."""
        return self.request("PATCH", path, body, kind)

    def delete(self, path: str) -> None:
        """Delete what is at *path*."""
        self.request("DELETE", path)

    def path(self, thing: Mapping[str, Any]) -> str:
        """Where *thing* is, or would be."""
        group, kind = thing["apiVersion"], thing["kind"]
        base = f"/apis/{group}" if "/" in group else f"/api/{group}"
        plural, namespaced = self._plural(base, group, kind)
        metadata = thing["metadata"]
        space = f"/namespaces/{metadata.get('namespace', 'default')}" if namespaced else ""
        return f"{base}{space}/{plural}/{metadata['name']}"

    def apply(self, *things: Mapping[str, Any], force: bool = True) -> list[Json]:
        """Server-side apply, as ``kubectl apply --server-side`` does, and with its strictness."""
        options = f"fieldManager=lab&force={str(force).lower()}&fieldValidation=Strict"
        return [
            self.patch(f"{self.path(one)}?{options}", one, "apply-patch+yaml") for one in things
        ]

    def watch(self, path: str) -> Iterator[Json]:
        """What is in the collection *path*, then its events, until the connection ends."""
        listed = self.get(path)
        yield from ({"type": "ADDED", "object": one} for one in listed["items"])
        query = f"?watch=1&resourceVersion={listed['metadata']['resourceVersion']}"
        with closing(self._connection(timeout=None)) as connection:
            answer = self._answer(connection, "GET", path + query)
            if answer.status >= _ERROR:
                raise Refused(answer.status, _reason(answer.read()))
            for line in answer:
                yield json.loads(line)

    def _plural(self, base: str, group: str, kind: str) -> tuple[str, bool]:
        if (group, kind) not in self._plurals:
            for one in self.get(base)["resources"]:
                if "/" not in one["name"]:
                    self._plurals[group, one["kind"]] = (one["name"], one["namespaced"])
        return self._plurals[group, kind]

    def _asked(
        self, method: str, path: str, body: Any = None, kind: str = "json", accept: str = _JSON
    ) -> bytes:
        while True:
            connection, kept = self._taken()
            try:
                answer = self._answer(connection, method, path, body, kind, accept)
                text = answer.read()
            except (OSError, HTTPException) as error:
                connection.close()
                # Of one that was kept the other side may have had enough meanwhile.
                if not (kept and isinstance(error, _HUNG_UP)):
                    raise
                continue
            self._free.append(connection)
            if answer.status >= _ERROR:
                raise Refused(answer.status, _reason(text))
            return text

    def _taken(self) -> tuple[_Connection, bool]:
        """A connection, and whether it was in use before."""
        try:
            return self._free.pop(), True
        except IndexError:
            return self._connection(timeout=TIMEOUT), False

    def _connection(self, *, timeout: float | None) -> _Connection:
        to = urlsplit(self.url)
        assert to.hostname is not None, self.url
        return _Connection(to.hostname, to.port, timeout=timeout, context=self._context)

    def _answer(
        self,
        connection: _Connection,
        method: str,
        path: str,
        body: Any = None,
        kind: str = "json",
        accept: str = _JSON,
    ) -> HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "accept": accept,
            "authorization": f"Bearer {self.token}",
            "content-type": f"application/{kind}",
        }
        connection.request(method, path, data, headers)
        return connection.getresponse()


def kinds(things: Iterable[Mapping[str, Any]], *wanted: str) -> list[Json]:
    """Those of *things* that are CustomResourceDefinitions of the kinds *wanted*."""
    return [dict(one) for one in things if one["spec"]["names"]["kind"] in wanted]


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")

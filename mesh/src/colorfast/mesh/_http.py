"""One HTTP request to loopback."""

from dataclasses import dataclass
from pathlib import Path

from aiohttp import BaseConnector, ClientError, ClientSession, ClientTimeout, UnixConnector


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; status 0 when there was none, and *text* says why."""

    status: int
    text: str


async def get(
    url: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    socket: Path | None = None,
    timeout: float = 15.0,  # noqa: ASYNC109 (aiohttp's own bound covers the connection too)
) -> Reply:
    """GET *url*, over the Unix *socket* if one is given, within *timeout* seconds. Never raises."""
    connector: BaseConnector | None = UnixConnector(str(socket)) if socket else None
    try:
        async with (
            ClientSession(connector=connector, timeout=ClientTimeout(total=timeout)) as session,
            session.get(url, headers=headers) as response,
        ):
            return Reply(status=response.status, text=await response.text())
    except (ClientError, OSError, TimeoutError) as error:
        return Reply(status=0, text=str(error) or type(error).__name__)

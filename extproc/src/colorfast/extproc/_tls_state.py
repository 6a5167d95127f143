"""The certificate that is served, and what becomes of its files while it is.

cert-manager, Istio's agent and SPIRE replace certificates long before they end; a new connection
then gets the new one, and those that are open keep theirs. Files that are broken, or that do not
belong together yet, change nothing: the last good ones go on.
"""

import asyncio
import logging
from contextlib import suppress
from time import time
from typing import Final

from colorfast.extproc._tls import Tls, TlsContent, read, server_context
from colorfast.extproc._tls_facts import expiry
from colorfast.policy import ColorfastError

SETTLE: Final = 0.05
"""Seconds that a change must stay as it is: of three files one is written first."""

_LOG = logging.getLogger("colorfast.extproc")


class Certificates:
    """What ``Tls`` names, as it was last good. Raises ColorfastError (CF622)."""

    def __init__(self, tls: Tls) -> None:
        self.tls: Final = tls
        self.patterns: Final = tls.patterns
        self.content = read(tls)
        self.context = server_context(tls, self.content)
        """For new connections; another object after each change."""
        self.expires = expiry(self.context, self.content.certificate)
        """When the certificate ends, as Unix time; None when that cannot be told."""
        self.results = {"success": 0, "refused": 0}
        """How often changed files were taken over, and how often they were not."""
        self._seen: TlsContent | str = self.content
        self._asked = asyncio.Event()
        self._warn()

    def reload(self) -> None:
        """Look at the files at once."""
        self._asked.set()

    async def run(self, poll: float) -> None:
        """Look at the files every *poll* seconds, until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), poll)
            self._asked.clear()
            try:
                await self.look()
            except Exception:  # noqa: BLE001 (a watcher that has died tells nobody)
                _LOG.exception("the TLS files could not be looked at; trying again")

    async def look(self) -> None:
        """Take changed files over, if they are good."""
        found = await asyncio.to_thread(_read, self.tls)
        if _seen(found) == self._seen:
            return
        await asyncio.sleep(SETTLE)
        if _seen(await asyncio.to_thread(_read, self.tls)) == _seen(found):
            self._judge(found)

    def _judge(self, found: TlsContent | ColorfastError) -> None:
        self._seen = _seen(found)
        try:
            if isinstance(found, ColorfastError):
                raise found
            self.context = server_context(self.tls, found)
        except ColorfastError as error:
            self.results["refused"] += 1
            _LOG.error("CF623: reload of TLS files refused, the old ones go on\n%s", error)
            return
        self.content = found
        self.expires = expiry(self.context, found.certificate)
        self.results["success"] += 1
        _LOG.info("TLS files reloaded: %s", self.tls.certificate)
        self._warn()

    def _warn(self) -> None:
        if self.expires is not None and self.expires < time():
            _LOG.warning(
                "CF625: the TLS certificate %s has expired; clients will refuse it, renew it",
                self.tls.certificate,
            )


def _read(tls: Tls) -> TlsContent | ColorfastError:
    try:
        return read(tls)
    except ColorfastError as error:
        return error


def _seen(found: TlsContent | ColorfastError) -> TlsContent | str:
    """What tells one state of the files from another."""
    return str(found) if isinstance(found, ColorfastError) else found

"""The egress guard: lane header and member leave for allowed hosts only, over redirects too.

A propagator does not see where a request goes, and clients copy headers when they follow a
redirect. So the guard sits where each hop is sent: ``http.client`` (urllib) and urllib3 (so
requests, too), httpcore (httpx), aiohttp, and the channels of gRPC. It takes away what is
Colorfast's; the others' members of ``baggage`` stay. It does not replace the mesh's own egress
rules, which hold for every language.

>>> from colorfast.propagator import guard
>>> guard.install(["mesh", "*.example.com"])
>>> guard.uninstall()
"""

from colorfast.propagator.guard._hosts import Hosts
from colorfast.propagator.guard._install import install, uninstall

__all__ = ["Hosts", "install", "uninstall"]

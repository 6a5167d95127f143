"""Lane routes: what sends a request to its lane's version of each service."""

from colorfast.k8s.routes._gateway_api import gateway_api_routes
from colorfast.k8s.routes._istio import istio_routes

__all__ = ["gateway_api_routes", "istio_routes"]

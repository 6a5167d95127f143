"""A local mesh of real Envoys and sample applications: what demo, tests and benchmarks run on."""

from colorfast.mesh._errors import CODES
from colorfast.mesh._launch import program
from colorfast.mesh._layout import GATEWAY, SERVICE, Layout
from colorfast.mesh._mesh import RunningMesh, Timing, running_mesh
from colorfast.mesh._ports import Ports
from colorfast.mesh._routes import path_of
from colorfast.mesh._supervisor import Child, Supervisor
from colorfast.mesh.demo import DEFAULT_MESH, DEFAULT_POLICY, run_demo

__all__ = [
    "CODES",
    "DEFAULT_MESH",
    "DEFAULT_POLICY",
    "GATEWAY",
    "SERVICE",
    "Child",
    "Layout",
    "Ports",
    "RunningMesh",
    "Supervisor",
    "Timing",
    "path_of",
    "program",
    "run_demo",
    "running_mesh",
]

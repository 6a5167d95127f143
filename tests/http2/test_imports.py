"""What the transport costs to import."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["colorfast.extproc.http2", "colorfast.extproc"])
def test_grpcio_is_not_needed(module: str) -> None:
    program = f"import sys; sys.modules['grpc'] = None; import {module}"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_grpcio_is_not_needed_to_serve() -> None:
    program = """
import asyncio, sys
sys.modules["grpc"] = None
from colorfast.extproc import Processor, answering
from colorfast.policy import Engine, load_policy
TEXT = "apiVersion: colorfast.dev/v1alpha1\\nkind: LanePolicy\\nmetadata: {name: x}\\nspec: {lanes: [base]}"
async def main():
    async with answering(Processor(Engine(load_policy(TEXT).policy)), "127.0.0.1:0", "http2"):
        pass
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

"""The plugin as a container image, for ``oci://`` addresses of WasmPlugin and its kin.

The "compat" variant of the Wasm image specification: a plain OCI image with one layer and one file
in it, ``plugin.wasm``. Every registry stores it, Istio and Envoy Gateway read it.
"""

import hashlib
import io
import json
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Any, Final, TypeAlias

from colorfast.wasm._errors import no_image
from colorfast.wasm._module import path

FILE: Final = "plugin.wasm"
"""The name that the specification wants."""

_BLOCK: Final = 0xFFFF  # bytes in the longest stored block (RFC 1951 section 3.2.4)
_OCI: Final = "application/vnd.oci.image"
_Json: TypeAlias = dict[str, Any]


def write_image(directory: Path, *, tag: str = "latest") -> str:
    """Write an OCI image layout (image-spec 1.1) into *directory*; the image's digest.

    The same plugin gives the same bytes. Blobs of other images that are there already stay.

    Raises ColorfastError: CF412 without a plugin, CF413 when *directory* cannot be written to.
    """
    plugin = path().read_bytes()
    try:
        return _write(directory, plugin, tag)
    except OSError as error:
        raise no_image(directory, error.strerror or str(error)) from None


def _write(directory: Path, plugin: bytes, tag: str) -> str:
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    tar = _tar(plugin)
    layer = _put(blobs, f"{_OCI}.layer.v1.tar+gzip", _gzip(tar))
    config = _put(blobs, f"{_OCI}.config.v1+json", _dump(_config(tar)))
    manifest = _put(blobs, f"{_OCI}.manifest.v1+json", _dump(_manifest(config, layer)))
    named = manifest | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    index = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.index.v1+json",
        "manifests": [named],
    }
    (directory / "oci-layout").write_bytes(_dump({"imageLayoutVersion": "1.0.0"}))
    (directory / "index.json").write_bytes(_dump(index))
    digest: str = manifest["digest"]
    return digest


def _config(tar: bytes) -> _Json:
    # Runtimes that know nothing of Wasm look at these two; the image holds no program of theirs.
    return {
        "architecture": "wasm",
        "os": "wasi",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [_digest(tar)]},
    }


def _manifest(config: _Json, layer: _Json) -> _Json:
    return {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.manifest.v1+json",
        "config": config,
        "layers": [layer],
        "annotations": {
            "module.wasm.image/variant": "compat",
            "org.opencontainers.image.title": "colorfast",
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }


def _tar(plugin: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        # A TarInfo of its own, with nothing of this machine: mtime 0, no owner.
        member = tarfile.TarInfo(FILE)
        member.size = len(plugin)
        archive.addfile(member, io.BytesIO(plugin))
    return buffer.getvalue()


def _gzip(data: bytes) -> bytes:
    """RFC 1952 without compression: what zlib makes of *data* depends on the zlib of the day."""
    blocks = bytearray()
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        last = start + _BLOCK >= len(data)
        blocks += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    head = bytes.fromhex("1f8b0800 00000000 00ff")
    return head + blocks + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _put(blobs: Path, media_type: str, data: bytes) -> _Json:
    digest = _digest(data)
    (blobs / digest.removeprefix("sha256:")).write_bytes(data)
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _dump(value: _Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

"""The image: an OCI layout that any registry tool can push, and any mesh can read."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from colorfast.policy import ColorfastError
from colorfast.wasm import write_image

# What Istio's and Envoy Gateway's fetchers look for (pkg/wasm/imagefetcher.go in both).
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
FILE = "plugin.wasm"

pytestmark = pytest.mark.usefixtures("plugin")


def blob(folder: Path, descriptor: dict[str, Any]) -> bytes:
    algorithm, _, name = descriptor["digest"].partition(":")
    data: bytes = (folder / "blobs" / algorithm / name).read_bytes()
    assert len(data) == descriptor["size"]
    assert hashlib.sha256(data).hexdigest() == name
    return data


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_the_layout_leads_to_the_plugin(tmp_path: Path, plugin: Path) -> None:
    digest = write_image(tmp_path, tag="v1")
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((tmp_path / "index.json").read_text())
    (named,) = index["manifests"]
    assert (named["mediaType"], named["digest"]) == (MANIFEST, digest)
    assert named["annotations"] == {"org.opencontainers.image.ref.name": "v1"}
    manifest = json.loads(blob(tmp_path, named))
    assert manifest["mediaType"] == MANIFEST
    assert manifest["annotations"]["module.wasm.image/variant"] == "compat"
    config = json.loads(blob(tmp_path, manifest["config"]))
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == LAYER
    tar = gzip.decompress(blob(tmp_path, layer))
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(tar).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        assert archive.getnames() == [FILE]
        member = archive.extractfile(FILE)
        assert member is not None
        assert member.read() == plugin.read_bytes()


def test_the_same_plugin_is_the_same_image(tmp_path: Path) -> None:
    assert write_image(tmp_path / "one") == write_image(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    write_image(tmp_path)
    before = files(tmp_path)
    write_image(tmp_path)
    assert files(tmp_path) == before


def test_nothing_of_the_machine_is_in_the_layer(tmp_path: Path) -> None:
    write_image(tmp_path)
    (layer,) = (data for data in files(tmp_path).values() if data.startswith(b"\x1f\x8b"))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        (member,) = archive.getmembers()
    assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
    assert member.mode == 0o644


def test_another_image_of_the_layout_stays(tmp_path: Path) -> None:
    (tmp_path / "blobs" / "sha256").mkdir(parents=True)
    other = tmp_path / "blobs" / "sha256" / "other"
    other.write_bytes(b"1")
    write_image(tmp_path)
    assert other.read_bytes() == b"1"


def test_a_folder_that_cannot_be_is_an_error_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ColorfastError, match="Not a directory") as caught:
        write_image(tmp_path / "file" / "image")
    assert caught.value.code == "CF413"

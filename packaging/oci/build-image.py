#!/usr/bin/env python3
"""Builds the image without a container engine. Writes target/oci/satchel-oci.tar, an OCI image layout
that podman, skopeo and `docker load` (25 and later) can read.

    packaging/oci/build-image.py [EXECUTABLE [OUT]]

The same executable always gives the same image: the image contains no time and no name of the build
machine.
"""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OWNER = 10001
ARCHITECTURES = {62: "amd64", 183: "arm64"}  # e_machine of ELF
TIME = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def encoded(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def entry(archive, name, mode, content=None, owner=0):
    info = tarfile.TarInfo(name)
    info.mode, info.uid, info.gid, info.mtime = mode, owner, owner, TIME
    info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    info.size = len(content or b"")
    archive.addfile(info, io.BytesIO(content or b""))


def tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for values in entries:
            entry(archive, *values)
    return out.getvalue()


def main():
    default = ROOT / "target/static" / platform.machine() / "satchel"
    executable = Path(sys.argv[1] if len(sys.argv) > 1 else default).read_bytes()
    out = Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "target/oci/satchel-oci.tar")
    version = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    architecture = ARCHITECTURES[int.from_bytes(executable[18:20], "little")]

    layer = tar([
        ("satchel", 0o755, executable),
        ("var", 0o755), ("var/lib", 0o755), ("var/lib/satchel", 0o700, None, OWNER),
    ])
    packed = gzip.compress(layer, mtime=0)
    created = datetime.fromtimestamp(TIME, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = encoded({
        "architecture": architecture, "os": "linux", "created": created,
        "config": {
            "User": f"{OWNER}:{OWNER}", "WorkingDir": "/", "Entrypoint": ["/satchel"], "Cmd": ["serve"],
            "Env": ["SATCHEL_DATA=/var/lib/satchel", "SATCHEL_LISTEN=https://0.0.0.0:8443",
                    "SATCHEL_SETUP_LINK=true"],
            "ExposedPorts": {"8443/tcp": {}}, "Volumes": {"/var/lib/satchel": {}}, "StopSignal": "SIGTERM",
            "Labels": {"org.opencontainers.image.title": "satchel", "org.opencontainers.image.version": version},
        },
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    })
    blobs = []

    def blob(kind, content):
        digest = hashlib.sha256(content).hexdigest()
        blobs.append((f"blobs/sha256/{digest}", 0o644, content))
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    manifest = blob("manifest.v1+json", encoded({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", config), "layers": [blob("layer.v1.tar+gzip", packed)],
    }))
    manifest["annotations"] = {"org.opencontainers.image.ref.name": version}
    manifest["platform"] = {"architecture": architecture, "os": "linux"}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(tar([
        ("oci-layout", 0o644, encoded({"imageLayoutVersion": "1.0.0"})),
        ("index.json", 0o644, encoded({"schemaVersion": 2, "manifests": [manifest]})),
        ("blobs", 0o755), ("blobs/sha256", 0o755), *sorted(blobs),
    ]))
    print(f"{out} {out.stat().st_size} bytes, manifest {manifest['digest']}")


main()

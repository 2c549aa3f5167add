"""Builds the container image without a daemon, a base image or more rights than a user has: an OCI layout in a folder.

`python .ci/image.py FOLDER [ARCH...]` makes FOLDER/layout (amd64 and arm64 unless some are named) and FOLDER/ARCH/root,
which is what the Containerfile adds. mmdebstrap brings Debian's Python and what it needs, and neither shell nor package
manager; pip brings the wheels of constraints.txt by their hashes. Nothing of the other processor is executed. The same
inputs make the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = "python3,libpython3-stdlib,tzdata,ca-certificates,netbase"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
USER = 10001
_LEFT_OUT = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/perl5",
    "usr/share/python3", "usr/share/bug", "usr/share/menu", "var/lib/dpkg", "var/cache", "var/lib/apt", "etc/apt",
    "usr/lib/python3/dist-packages", "app/phonenumbers/geodata", "app/phonenumbers/carrierdata",
    "app/phonenumbers/tzdata", "app/bin", "dev/",
)  # fmt: skip
_CERTIFICATES = "usr/share/ca-certificates/mozilla/"
_PASSWD = f"root:x:0:0::/:/nonexistent\nringback:x:{USER}:{USER}::/tmp:/nonexistent\n".encode()

ENTRYPOINT = ["/usr/bin/python3", "-m", "ringback"]
CONFIG = {
    "User": f"{USER}:{USER}",
    "WorkingDir": "/",
    "ExposedPorts": {"4010/tcp": {}},
    "Env": [
        "PATH=/usr/bin", "PYTHONPATH=/app", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "RINGBACK_HOST=0.0.0.0", "RINGBACK_PORT=4010",
        "RINGBACK_CACHE=off",
    ],
    "Entrypoint": ENTRYPOINT,
    "Cmd": ["serve"],
    # No part of OCI's own format, and heeded by Docker all the same.
    "Healthcheck": {"Test": ["CMD", *ENTRYPOINT, "ready"], "Interval": 10_000_000_000, "Timeout": 5_000_000_000},
    "Labels": {"org.opencontainers.image.title": "Ringback", "org.opencontainers.image.licenses": "MIT"},
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Builds."""
    folder, architectures = Path(arguments[0]), arguments[1:] or list(MACHINES)
    layout = folder / "layout"
    (layout / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    manifests = []
    for architecture in architectures:
        root = folder / architecture / "root.tar"
        root.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            _write_root(root, _entries(architecture, Path(scratch)))
        manifests.append(_image(layout, architecture, root.read_bytes()))
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
    (layout / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
    for architecture, manifest in zip(architectures, manifests, strict=True):
        print(architecture, manifest["digest"])
    return 0


def _entries(architecture: str, scratch: Path) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
    """Everything in the root file system of the image, by name."""
    system, certificates = scratch / "system.tar", []
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--architectures={architecture}", f"--include={PACKAGES}"]
    subprocess.run([*command, SUITE, str(system)], check=True)  # noqa: S603 - our own words
    with tarfile.open(system) as tar:
        for entry in tar:
            name = entry.name.removeprefix("./").rstrip("/")
            if not name or name.startswith(_LEFT_OUT) or entry.isdev() or _is_program(name):
                continue
            data = tar.extractfile(entry) if entry.isfile() else None
            content = data.read() if data is not None else None
            if name.startswith(_CERTIFICATES) and content is not None:
                certificates.append((name, content))
            entry.linkname = entry.linkname.removeprefix("./") if entry.islnk() else entry.linkname
            yield _plain(entry, name), content
    # Nothing of the packages was executed: what they would have written is written here.
    yield _file("etc/ssl/certs/ca-certificates.crt"), b"".join(content for _, content in sorted(certificates))
    yield _file("etc/passwd"), _PASSWD
    yield _file("etc/group"), f"root:x:0:\nringback:x:{USER}:\n".encode()
    application = scratch / "app"
    _install(architecture, application)
    for file in sorted(application.rglob("*")):
        name = f"app/{file.relative_to(application)}"
        if name.startswith(_LEFT_OUT) or "__pycache__" in name:
            continue
        entry = _file(name)
        entry.type = tarfile.DIRTYPE if file.is_dir() else tarfile.REGTYPE
        entry.mode = 0o755 if file.is_dir() else 0o644
        yield entry, None if file.is_dir() else file.read_bytes()


def _is_program(name: str) -> bool:
    """Whether it is a program other than Python: none is needed."""
    folder, _, program = name.rpartition("/")
    return folder in ("bin", "sbin", "usr/bin", "usr/sbin") and program not in ("python3", f"python{PYTHON}")


def _install(architecture: str, target: Path) -> None:
    """The wheels of that processor, by their hashes, and this project's own."""
    pins = target.with_suffix(".txt")
    pins.write_text((ROOT / "constraints.txt").read_text("utf-8").partition("\n## To install")[0], encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    machine = MACHINES[architecture]
    platforms = [f"--platform={kind}_{machine}" for kind in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    wheels = ["install", f"--target={target}", "--only-binary=:all:", f"--python-version={PYTHON}", *platforms]
    subprocess.run([*pip, *wheels, "--require-hashes", f"--requirement={pins}"], check=True)  # noqa: S603 - as above
    subprocess.run([*pip, "install", f"--target={target}", "--no-deps", str(ROOT)], check=True)  # noqa: S603 - as above


def _file(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    return _plain(entry, name)


def _plain(entry: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """The entry without whose it was, and when."""
    entry.name = name
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode &= 0o1777
    entry.pax_headers = {}
    return entry


def _write_root(root: Path, entries: Iterator[tuple[tarfile.TarInfo, bytes | None]]) -> None:
    """A tar archive of the entries in the order of their names; of several of one name the last counts."""
    found = {entry.name: (entry, content) for entry, content in entries}
    # What is left out may have been the file that others are links to.
    with tarfile.open(root, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(found, key=lambda name: (found[name][0].islnk(), name)):
            entry, content = found[name]
            if entry.islnk() and entry.linkname not in found:
                continue
            entry.size = len(content or b"")
            tar.addfile(entry, io.BytesIO(content) if content is not None else None)


def _image(layout: Path, architecture: str, root: bytes) -> dict[str, Any]:
    """Writes the image of one processor into the layout; returns what the index says of it."""
    layer = _blob(layout, gzip.compress(root, 6, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": CONFIG,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(root).hexdigest()]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(layout, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [layer],
    }
    described = _blob(layout, json.dumps(manifest).encode(), manifest["mediaType"])
    return {
        **described,
        "platform": {"architecture": architecture, "os": "linux"},
        "annotations": {"org.opencontainers.image.ref.name": f"ringback-{architecture}"},
    }


def _blob(layout: Path, content: bytes, media_type: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""`make vendor`: fetches what the console uses of others anew by npm, and puts it where it belongs if it is the same.

What npm brings must have the integrity that `vendor.toml` names; the file's digest is printed where it is another one.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

CONSOLE = Path(__file__).parents[1] / "mock_server" / "console"


def main() -> int:
    """Returns 1 if anything is not what it should be."""
    wrong = 0
    for library in tomllib.loads((CONSOLE / "vendor.toml").read_text(encoding="utf-8"))["library"]:
        wanted = f"{library['name']}@{library['version']}"
        with tempfile.TemporaryDirectory() as folder:
            pack = ["npm", "pack", "--silent", wanted]
            subprocess.run(pack, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - a fixed name
            (archive,) = Path(folder).glob("*.tgz")
            found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if found != library["integrity"]:
                print(f"{wanted}: integrity {found}, expected {library['integrity']}")
                wrong += 1
                continue
            with tarfile.open(archive) as members:
                content = _read(members, library["file"])
                license = _read(members, "LICENSE")
        digest = hashlib.sha256(content).hexdigest()
        if digest != library["sha256"]:
            print(f"{wanted}: {library['file']} has sha256 {digest}, expected {library['sha256']}")
            wrong += 1
            continue
        (CONSOLE / "assets" / library["file"]).write_bytes(content)
        (CONSOLE / library["license_file"]).write_bytes(license)
        print(f"{wanted}: as it was published")
    return 1 if wrong else 0


def _read(members: tarfile.TarFile, name: str) -> bytes:
    file = members.extractfile(f"package/{name}")
    assert file is not None
    return file.read()


if __name__ == "__main__":
    sys.exit(main())

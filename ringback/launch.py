"""How the `ringback` program is started so that nothing in the user's folders can stand in for a part of it.

A project may well have a folder `mock_server` or a file `json.py`, and Python looks into the current folder and into
PYTHONPATH first. So the program looks into the standard library, then beside this package, then into the installed
packages, and only then where Python would have looked first. Run as a script, this file is the program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def command(*arguments: str) -> list[str]:
    """What to run for `ringback ARGUMENTS`, with this Python."""
    # Isolated, so that neither the folder nor PYTHONPATH counts before this file can put them in their place.
    return [sys.executable, "-I", os.path.abspath(__file__), *arguments]


def arranged(path: Sequence[str], home: str, more: Sequence[str] = ()) -> list[str]:
    """A search path with the standard library first, then `home`, the packages, and what stood before or is `more`."""
    library = os.path.dirname(os.__file__)
    own = [entry for entry in path if _of_library(entry, library)]
    last = max((path.index(entry) for entry in own), default=-1)
    packages = [entry for entry in path[last + 1 :] if entry not in own]
    before = [entry for entry in path[: last + 1] if entry not in own]
    return list(dict.fromkeys([*own, home, *packages, *before, *more]))


def _of_library(entry: str, library: str) -> bool:
    return entry in (library, os.path.join(library, "lib-dynload")) or (
        entry.endswith(".zip") and os.path.basename(entry).startswith("python")
    )


def main() -> int:
    """Runs the command line in this process; returns its exit code."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    more: list[str] = []
    if sys.flags.isolated:
        import site

        # Packages may have been installed for the user alone, or into a folder that PYTHONPATH names.
        more = [site.getusersitepackages(), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:] = arranged(sys.path, home, more)
    from importlib import import_module

    # By its name only: the program is a neighbour of this package, not a part of it.
    code: int = import_module("mock_server.commands.cli").main()
    return code


if __name__ == "__main__":
    raise SystemExit(main())

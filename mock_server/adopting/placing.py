"""The text of a spec, and in which of its lines each operation is to be changed."""

from __future__ import annotations

import re
from typing import Any

from mock_server.spec.publishing import as_yaml

_METHOD = re.compile(r"[ :] (\w+):$")
_CONTRACT = re.compile(r"\s+x-contract:$")


def placed(document: dict[str, Any], head: str) -> tuple[str, dict[tuple[str, str], int]]:
    """The document as text, and the line of each operation by method and path, counted from the head's first.

    The line is that of its contract; of the operation itself where it has none.
    """
    text = as_yaml({key: value for key, value in document.items() if key not in ("paths", "components")}) + "paths:\n"
    line = head.count("\n") + text.count("\n") + 1
    chunks = [text]
    lines: dict[tuple[str, str], int] = {}
    for path, item in document["paths"].items():
        chunk = as_yaml({path: item}).splitlines()
        method = ""
        for row in chunk:
            found = _METHOD.fullmatch(row)
            if found is not None:
                method = found[1]
                lines[method, path] = line
            elif _CONTRACT.fullmatch(row) and row.startswith("    x-") and method:
                lines[method, path] = line
            line += 1
        chunks += [f"  {row}\n" if row else "\n" for row in chunk]
    chunks.append(as_yaml({"components": document["components"]}))
    return "".join(chunks), lines

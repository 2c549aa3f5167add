"""Schemathesis' own command loads every spec without a complaint and runs its documented examples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Server


@pytest.mark.long
@pytest.mark.parametrize("spec", sorted((ROOT / "openapi").glob("*.yaml")), ids=lambda file: file.stem)
def test_schemathesis_loads_the_spec_and_runs_its_examples(spec: Path, server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(spec), "--url", server.origin(spec.stem)),
            *("-H", f"X-API-Key: test_st_{spec.stem}", "-H", f"Authorization: Bearer test_st_{spec.stem}"),
            *("--phases", "examples", "--max-examples", "1", "--checks", "content_type_conformance"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "Loaded specification" in done.stdout
    assert "0 generated" not in done.stdout
    assert "ERRORS" not in done.stdout

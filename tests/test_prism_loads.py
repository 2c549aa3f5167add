"""Every spec loads in Prism without a complaint: an OpenAPI document that only we can read would be none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))

import npm  # noqa: E402 - found only once the path is set
import prism_loads  # noqa: E402

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def prism() -> list[str]:
    """Prism's command. A laptop without Prism skips; CI installs it, and fails where that is impossible."""
    if os.environ.get("CI"):
        return npm.installed(npm.PRISM)
    command = npm.cached(npm.PRISM) or npm.found_by_npx(npm.PRISM)
    if command is None:
        pytest.skip("Prism is not installed; `python benchmarks/run.py --prism-loads` installs it and runs this check")
    return command


@pytest.mark.parametrize("spec", sorted((ROOT / "openapi").glob("*.yaml")), ids=lambda file: file.stem)
def test_prism_reads_the_spec_and_answers_its_documented_requests(spec: Path, prism: list[str]) -> None:
    assert prism_loads.complaints(prism, spec) == []


def test_what_prism_would_leave_out_is_found(tmp_path: Path, prism: list[str]) -> None:
    file = tmp_path / "interactly.yaml"
    text = (ROOT / "openapi" / "interactly.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("\npaths:\n", "\npaths:\n  <<: {}\n", 1), encoding="utf-8")
    assert any("merge key" in complaint for complaint in prism_loads.complaints(prism, file))

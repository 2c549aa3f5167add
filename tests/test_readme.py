"""Every command of the README and the documentation runs, and prints what is said there; nothing named is missing."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest

from contract_tests import cli as check
from contract_tests.commands import proxy
from contract_tests.pages.command import parser as pages_parser
from contract_tests.properties.table import PROPERTIES
from mock_server.commands import cli
from mock_server.commands.completion import commands_of
from tests.conftest import RINGBACK, ROOT, Server

DOCS = ROOT / "docs"
PAGES = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "AGENTS.md",
        ROOT / "llms.txt",
        *sorted(file for file in DOCS.rglob("*.md") if "_build" not in file.parts),
    ]
    if not ({"generated"} & set(file.parts) or file.name == "command-line.md")
}
README, ASSUMPTIONS = PAGES["README.md"], PAGES["docs/reference/assumptions.md"]
SERVED = "http://127.0.0.1:4010"
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands(page: str) -> Iterator[tuple[str, str]]:
    """Each `$ command` of the console blocks with the output printed below it."""
    for block in _BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


def _matches(expected: str, found: str) -> bool:
    """Whether the output is as printed; `...` stands for anything."""
    pattern = ".*?".join(re.escape(piece) for piece in expected.split("..."))
    return re.fullmatch(pattern, found.strip(), flags=re.DOTALL) is not None


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [name for name, text in PAGES.items() if "```console" in text])
def test_every_console_block_prints_what_it_says(serve: Callable[..., Server], tmp_path: Path, page: str) -> None:
    server = serve()
    for file in (DOCS / "examples").iterdir():
        shutil.copy(file, tmp_path)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command, expected in _commands(PAGES[page]):
        done = subprocess.run(
            ["bash", "-c", command.replace(SERVED, server.url).replace("curl ", "curl -sS ", 1)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=180,
            check=False,
        )
        found = done.stdout.replace(server.url, SERVED).replace("\r\n", "\n")
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert _matches(expected, found), f"{command}\nprinted\n{found}\ninstead of\n{expected}"


def _flags() -> dict[str, set[str]]:
    """The flags of each command: `serve`, `faults add`, `check`, ..."""
    parsers = {"check": check.parser(), "proxy": proxy.parser(), "pages": pages_parser(), "": cli.parser()}
    for name, parser in commands_of(cli.parser()).items():
        parsers.setdefault(name, parser)
        parsers |= {f"{name} {action}": below for action, below in commands_of(parser).items()}
    found = {name: {flag for one in parser._actions for flag in one.option_strings} for name, parser in parsers.items()}
    said = subprocess.run([*RINGBACK, "diff", "--help"], capture_output=True, text=True, cwd=ROOT, timeout=60).stdout
    return {**found, "diff": set(re.findall(r"--[a-z-]+", said))}


def test_every_other_command_has_the_flags_that_are_named() -> None:
    """What stands in `sh` blocks may cost money or go on for ever: it is not run, but it must be understood."""
    known, seen = _flags(), 0
    for page, text in PAGES.items():
        named = [line for block in _SHELL.findall(text) for line in block.splitlines()]
        named += re.findall(r"`((?:ringback|make) [^`]*)`", text)
        for line in named:
            words = shlex.split(line.replace("...", ""), comments=True)
            if words[:1] == ["make"]:
                makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
                assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), f"{page}: {line}"
            if words[:1] != ["ringback"]:
                continue
            seen += 1
            name = max((one for one in known if words[1:][: len(one.split())] == one.split()), key=len)
            assert name or words[1].startswith("-"), f"{page}: {line}: no such command"
            wrong = {word for word in words if word.startswith("--")} - known[name]
            assert not wrong, f"{page}: {line}: {wrong}"
    assert seen > 30


def test_every_file_that_is_linked_to_exists_and_every_heading_too() -> None:
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([^)]+)\)", text):
            if "://" in link:
                continue
            name, _, heading = link.partition("#")
            target = (ROOT / page).parent / name if name else ROOT / page
            assert target.exists(), f"{page}: {link}"
            if heading:
                titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, link


def test_every_page_can_be_found_from_the_first() -> None:
    index = PAGES["docs/index.md"]
    for page in PAGES:
        if page.startswith("docs/") and page != "docs/index.md":
            assert page.removeprefix("docs/").removesuffix(".md") in index, page


def test_the_readme_is_short() -> None:
    assert len(README.encode()) < 7_000


def test_every_assumption_that_a_spec_names_is_explained() -> None:
    named = set()
    for file in sorted((ROOT / "openapi").glob("*.yaml")):
        named |= set(re.findall(r"Ringback decision (\w+ \d+)", file.read_text(encoding="utf-8")))
    assert named
    missing = {decision for decision in named if f"| {decision} |" not in ASSUMPTIONS}
    assert not missing


def test_the_example_of_fixtures_is_served(serve: Callable[..., Server], tmp_path: Path) -> None:
    page = PAGES["docs/guides/developer.md"]
    [block] = re.findall(r"```yaml\n# fixtures-of-mine/teli.yaml.*?\n(.*?)```", page, re.DOTALL)
    (tmp_path / "teli.yaml").write_text(block, encoding="utf-8")
    assert "teli" in serve("--fixtures", str(tmp_path)).where["providers"]


def test_the_example_for_pytest_is_the_one_that_is_run() -> None:
    example = (ROOT / "tests" / "example_test_plugin.py").read_text(encoding="utf-8")
    assert f"```python\n{example.rstrip()}\n```" in PAGES["docs/guides/pytest.md"]


def test_the_names_that_the_python_reference_lists_are_there_and_no_others() -> None:
    import inspect

    import ringback

    page = PAGES["docs/reference/python.md"]
    for name in ringback.__all__:
        assert name == "__version__" or re.search(rf"`{name}\b", page), name
    signature = inspect.signature(ringback.start)
    [told] = re.findall(r"`start\(\*, (.*?)\)`", page)
    named = [re.split(r"=", part)[0].strip() for part in re.split(r", (?=\w+=)", told)]
    assert named == list(signature.parameters)


def test_what_is_built_has_no_asset_of_another_place(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("furo")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", DOCS, tmp_path / "html"],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "html").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//", text), page
        assert not re.findall(r"<link[^>]+href=\"(?:https?:)?//", text), page
    checking = unescape((tmp_path / "html" / "guides" / "checking.html").read_text(encoding="utf-8"))
    # The builder curls quotation marks.
    checking = checking.replace("\u2019", "'")
    assert [one.name for one in PROPERTIES if one.sentence not in checking] == []
    command_line = (tmp_path / "html" / "reference" / "command-line.html").read_text(encoding="utf-8")
    assert "ringback faults add" in command_line
    assert "ringback check" in command_line
    evidence = (tmp_path / "html" / "reference" / "evidence.html").read_text(encoding="utf-8")
    assert "updatePhoneNumberAssignment" in evidence
    assert "createPhoneNumber" in (tmp_path / "html" / "reference" / "assumptions.html").read_text(encoding="utf-8")


def test_make_serve_serves_all_four_vendors() -> None:
    """Runs only where make has installed into .venv already, as `make test` has; it would install otherwise."""
    if not (ROOT / ".venv" / "installed").exists():
        if os.environ.get("CI"):
            pytest.fail("CI runs these tests by `make test`, which installs into .venv")
        pytest.skip("`make test` has not been used here: nothing is installed in .venv")
    process = subprocess.Popen(
        ["make", "-s", "serve"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RINGBACK_PORT": "0", "RINGBACK_JSON": "1"},
    )
    assert process.stdout is not None
    try:
        providers = json.loads(process.stdout.readline())["providers"]
        assert list(providers) == ["interactly", "teli", "uponai", "vogent"]
    finally:
        process.terminate()
        process.wait(timeout=10)

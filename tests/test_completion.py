"""The scripts that `ringback completion` prints complete in the shells themselves, in each that is on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RINGBACK, ROOT

SHELLS = {
    "bash": [
        "-c",
        'eval "$(ringback completion bash)"; COMP_WORDS=(ringback {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1));'
        ' _ringback; printf "%s\\n" "${{COMPREPLY[@]}}"',
    ],
    # What the completion system would show is told by `compadd`, which stands in for it.
    "zsh": [
        "-fc",
        'compdef() {{ : }}; _files() {{ : }}; compadd() {{ shift 3; print -l -- "$@" }};'
        ' eval "$(ringback completion zsh)";'
        " words=(ringback {words}); CURRENT=${{#words}}; _ringback",
    ],
    "fish": ["-c", 'ringback completion fish | source; complete -C"ringback {words}"'],
}


@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
def test_a_shell_completes_with_the_script_that_is_printed(shell: str, tmp_path: Path) -> None:
    (tmp_path / "ringback").write_text(f'#!/bin/sh\nexec {" ".join(RINGBACK)} "$@"\n')
    (tmp_path / "ringback").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }

    def completed(words: str) -> list[str]:
        flag, script = SHELLS[shell]
        command = [shell, flag, script.format(words=words)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, env=environment)
        return done.stdout.split()

    assert "updatePhoneAgent" in completed("operations teli updateP")
    assert completed("faults add teli createPhoneNumber --example no") == ["no-numbers"]

"""`ringback completion SHELL`: a script for the shell, which asks the command itself what may come next."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from mock_server.commands.usage import fail

HIDDEN = "__complete"
"""The command that the scripts call: the words so far behind it, the last of them begun."""

MEANINGS = {
    "provider": "the vendor: teli, vogent, interactly or uponai, in any letter case",
    "operation": "the operation's id, as `ringback operations` lists it",
    "status": "the answer's status",
    "method": "the request's method",
    "path": "the vendor's path, as it was asked for",
    "since": "an exchange's number, or a time in ISO 8601",
    "header": "a header of the answer; repeatable",
    "delay_ms": "let the answer come that many milliseconds late",
    "after": "leave that many requests alone first",
    "every": "take one request in so many",
    "times": "take so many requests in all",
    "probability": "take a request with this chance, from 0 to 1; the space's seed decides",
    "id": "which one, as `list` shows it",
    "name": "its name",
    "seed": "where chance begins",
    "seconds": "how far",
    "limit": "at most so many",
    "address": "where the events go, http or https",
    "event": "the event's name, as the vendor documents it",
    "state": "how far it came, as `list` shows it",
    "call": "the call's id",
    "number": "the delivery's number, as `list` shows it",
    "to": "the application's address",
    "secret": "what the delivery is signed with",
}
"""What arguments mean that many commands have."""

SCRIPTS = {
    "bash": """\
_ringback() {
    local IFS=$'\\n'
    COMPREPLY=($(ringback __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ringback ringback
""",
    "zsh": """\
#compdef ringback
_ringback() {
    local -a found
    found=(${(f)"$(ringback __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if (( ${#found} )); then compadd -M 'm:{a-zA-Z}={A-Za-z}' -- $found; else _files; fi
}
compdef _ringback ringback
""",
    "fish": """\
function __ringback
    ringback __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null
end
complete -c ringback -n 'not __ringback | string length -q' -F
complete -c ringback -f -a '(__ringback)'
""",
}


def add_command(commands: Any) -> None:
    """Adds the command to the parser of `ringback`."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes commands in bash, zsh or fish",
        description="Print a script that completes commands, flags, vendors and operations.",
        epilog='bash: eval "$(ringback completion bash)"; zsh: eval "$(ringback completion zsh)" after compinit;'
        " fish: ringback completion fish | source",
    )
    parser.add_argument("shell", metavar="SHELL", help="bash, zsh or fish")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.shell not in SCRIPTS:
        fail("completion", f"{options.shell}: there are {', '.join(SCRIPTS)}")
    print(SCRIPTS[options.shell], end="")
    return 0


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """What the last of the words may become; none where the shell may offer files."""
    *before, begun = words or [""]
    names: list[str] = []
    awaited: argparse.Action | None = None
    for word in before:
        below = commands_of(parser)
        if awaited is not None:
            awaited = None
        elif word in below:
            parser, names = _whole(below[word]), []
        elif not word.startswith("-"):
            names.append(word)
        elif "=" not in word:
            awaited = next((one for one in parser._actions if word in one.option_strings and one.nargs != 0), None)
    found: Iterable[str]
    if awaited is not None:
        found = _given(awaited, names)
    elif begun.startswith("-"):
        found = [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]
    else:
        found = [*commands_of(parser), *_values(parser, names)]
    return sorted(one for one in set(found) if one.lower().startswith(begun.lower()) and one != HIDDEN)


def _whole(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser with what only the harness knows of it, where that is installed."""
    command = parser.prog.split()[-1]
    try:
        if command == "check":
            from contract_tests import cli

            return cli.parser()
        if command == "proxy":
            from contract_tests.commands import proxy

            return proxy.parser()
        if command == "diff":
            from contract_tests.commands import diff

            return diff.parser()
        if command == "pages":
            from contract_tests.pages import command as pages

            return pages.parser()
    except ImportError:
        pass
    return parser


def explain(parser: argparse.ArgumentParser) -> None:
    """Gives every argument that many commands have, and that says nothing of itself, its one sentence."""
    for action in parser._actions:
        if not action.help and action.dest in MEANINGS:
            action.help = MEANINGS[action.dest]
    for below in commands_of(parser).values():
        explain(below)


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser's commands by name; none where it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _given(flag: argparse.Action, names: Sequence[str]) -> Iterable[str]:
    """What may stand behind a flag."""
    if flag.choices is not None:
        return [str(one) for one in flag.choices]
    if flag.dest in ("provider", "only"):
        return _vendors()
    if flag.dest in ("example", "answer", "operation"):
        found = _operations(names) or _operations(_vendors())
        wanted = [found[name] for name in names if name in found] or found.values()
        return found if flag.dest == "operation" else [name for operation in wanted for name in operation.answers]
    return []


def _values(parser: argparse.ArgumentParser, names: Sequence[str]) -> Iterable[str]:
    """Shells, vendors, and the operations of those that are named, where the command takes them."""
    takes = {action.dest: action for action in parser._actions if not action.option_strings}
    if "shell" in takes:
        return SCRIPTS
    if not names and "provider" in takes:
        return _vendors()
    several = [action for action in takes.values() if action.nargs == "*" and action.dest in ("provider", "name")]
    if "operation" in takes or "name" in {action.dest for action in several}:
        return _operations(names) or _vendors()
    return _vendors() if several else []


def _vendors() -> list[str]:
    from mock_server.spec import spec_files

    return list(spec_files())


def _operations(names: Sequence[str]) -> dict[str, Any]:
    """The operations of the vendors that are named, in any letter case."""
    from mock_server.spec import load, spec_files

    files = spec_files()
    return {
        id: operation
        for name in names
        if name.lower() in files
        for id, operation in load(files[name.lower()]).operations.items()
    }

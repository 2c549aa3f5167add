"""A check may be run again and again, beside others, on a server that stumbles or is late: nobody is accused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from contract_tests.options import Key
from contract_tests.plugin import Run, Settings
from contract_tests.words.findings import ContractBroken, NotCovered
from tests.conftest import Server
from tests.honest.others import others_at_work
from tests.honest.server import KEY, VENDORS
from tests.test_check import check
from tests.test_honest_servers import checked, found, serving

DEPTH = os.environ.get("USED_DEPTH", "scenario")
"""How deep servers are checked here; `quick` takes minutes."""
KEY_BY_HAND = "test_mine"


@pytest.mark.long
@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_three_checks_in_a_row_find_nothing_on_a_foreign_server(vendor: str) -> None:
    with serving(vendor) as server:
        for turn in range(3):
            run = checked(server, vendor, DEPTH)
            assert found(run) == [], f"the check that was number {turn + 1}"
            assert any(outcome.verdict == "passed" for outcome in run.outcomes)


@pytest.mark.long
@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_three_checks_in_a_row_find_nothing_on_a_ringback_whose_key_is_given(vendor: str, server: Server) -> None:
    numbers = f"{server.origin('interactly')}/assistants/v1/numbers"
    requests.get(numbers, headers={"Authorization": f"Bearer {KEY_BY_HAND}"}, timeout=10)
    before = _space(server)
    for _ in range(3):
        run = _checked(server, vendor)
        assert found(run) == []
        assert any(outcome.verdict == "passed" for outcome in run.outcomes)
    assert _space(server) == before


def _checked(server: Server, vendor: str) -> Run:
    key, origin = Key("$MINE", KEY_BY_HAND), {vendor: server.origin(vendor)}
    run = Run(Settings(providers=[vendor], targets=origin, api_key=key, depth=DEPTH, draws=1))
    run.preflight()
    for case in run.all_cases():
        try:
            case.check()
        except (ContractBroken, NotCovered):
            continue
    run.close()
    return run


def _space(server: Server) -> object:
    """What is in the space of the key that was given."""
    found = requests.get(f"{server.control}/state", params={"space": KEY_BY_HAND}, timeout=10).json()
    assert len(json.dumps(found)) > 1000
    found.pop("now")
    return found


@pytest.mark.long
@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_what_others_do_at_the_same_time_is_not_blamed_on_the_server(vendor: str) -> None:
    depth = "quick" if vendor == "interactly" else DEPTH
    with serving(vendor) as server, others_at_work(vendor, server.origin(vendor), KEY) as other:
        for _ in range(10):  # a check may be quicker than a round of the other's
            run = checked(server, vendor, depth)
            assert found(run) == []
            assert any(outcome.verdict == "passed" for outcome in run.outcomes)
            if other.done > 10:
                break
    assert other.done > 10


@pytest.mark.parametrize("vendor", ["interactly", "vogent", "teli", "uponai"])
def test_a_server_that_shows_later_what_was_written_passes_with_settle(vendor: str) -> None:
    with serving(vendor, settle_seconds=0.2) as server:
        run = checked(server, vendor, DEPTH, settle=2.0)
        assert found(run) == []
        passed = {outcome.property for outcome in run.outcomes if outcome.verdict == "passed"}
        assert "read-back" in passed


def test_without_settle_it_is_told_that_the_server_is_late() -> None:
    with serving("vogent", settle_seconds=0.2) as server:
        run = checked(server, "vogent", "scenario")
        assert found(run)
        assert 0.2 < run.results().late["vogent"] < 2


def test_a_server_that_never_shows_what_was_written_is_not_called_late(serve: Callable[..., Server]) -> None:
    with serving("vogent", settle_seconds=60) as server:
        for settle in (0.0, 0.3):
            run = checked(server, "vogent", "scenario", settle=settle)
            assert found(run)
            assert not run.results().late


@pytest.mark.parametrize(
    ("key_by", "told", "shown"),
    [
        ("case", "a key in another letter case was accepted", "${HONEST_KEY~~}"),
        ("beginning", "the beginning of a key was accepted", "${HONEST_KEY:0:4}"),
        ("cut", "a key without its last character was accepted", "${HONEST_KEY%?}"),
    ],
)
def test_a_secret_key_that_is_nearly_right_is_tried_and_shown_to_nobody(key_by: str, told: str, shown: str) -> None:
    with serving("interactly", key_by=key_by) as server:
        run = checked(server, "interactly", "quick", draws=0, operations=["listNumbers"])
    text = "\n".join(found(run))
    assert told in text
    assert f'"Authorization: Bearer {shown}"' in text
    assert KEY[:-1] not in text


def test_one_number_sold_to_all_who_ask_at_the_same_time_is_found_on_a_foreign_server() -> None:
    with serving("vogent", selling_twice=True) as server:
        run = checked(server, "vogent", "quick", draws=0, operations=["purchasePhoneNumber"])
    assert any("together" in one and "purchasePhoneNumber" in one for one in found(run))
    assert run.results().left_behind == ()


def test_an_error_that_does_not_come_again_is_flaky_and_neither_passes_nor_fails() -> None:
    with serving("interactly", failing_every=9) as server:
        run = checked(server, "interactly", "scenario")
    assert found(run) == []
    flaky = run.results().flaky
    assert {one.status for one in flaky} == {500}
    assert all(0 < one.times < one.requests for one in flaky)
    verdicts = [outcome.verdict for outcome in run.outcomes]
    assert 0 < verdicts.count("flaky") < len(verdicts)
    assert all("answered 500" in outcome.reason for outcome in run.outcomes if outcome.verdict == "flaky")


def test_an_error_that_comes_every_time_is_no_flaky_one() -> None:
    with serving("interactly", failing_every=1) as server:
        run = checked_anyhow(server.origin("interactly"))
    assert found(run)
    assert run.results().flaky == ()


def checked_anyhow(origin: str) -> Run:
    """A check without the questions that come before it."""
    run = Run(Settings(providers=["interactly"], targets={"interactly": origin}, api_key=Key("$K", KEY), draws=0))
    for case in run.all_cases():
        if "examples" in case.title:
            try:
                case.check()
            except (ContractBroken, NotCovered):
                continue
    return run


OWN_WAYS = {
    "nothing in the account": {"empty": True},
    "a second record is refused, nothing is for sale, limits are taken for the nearest": {
        "conflicts": True,
        "sold_out": True,
        "clamping": True,
    },
}


@pytest.mark.parametrize("vendor", ["interactly", "vogent"])
@pytest.mark.parametrize("way", OWN_WAYS)
def test_an_account_without_what_the_pages_name_breaks_no_contract(vendor: str, way: str) -> None:
    operations = ["purchasePhoneNumber", "updatePhoneNumber"] if vendor == "vogent" else ["updateNumber"]
    with serving(vendor, **OWN_WAYS[way]) as server:
        run = checked(server, vendor, "scenario")
        assert found(run) == []
        assert any(outcome.verdict == "passed" for outcome in run.outcomes)
        assert found(checked(server, vendor, "quick", operations=operations)) == []


def test_the_command_tells_of_flaky_and_late_servers(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with serving("vogent", failing_every=10, settle_seconds=0.2) as server:
        words = ["vogent", "--target", server.origin("vogent"), "--api-key-env", "MINE", "--depth", "scenario"]
        done = check(*words, "--settle", "2", "--report", f"json={report}", env={"MINE": KEY})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "flaky: server errors that did not come again when the same was asked again:" in done.stdout
        assert " 500 to " in done.stdout
        counts = json.loads(report.read_text())["counts"]
        assert f" {counts['flaky']} flaky," in done.stdout
        server.habits.failing_every = 0
        late = check(*words, env={"MINE": KEY})
    assert late.returncode == 1
    assert "late: vogent showed only" in late.stdout
    assert "--settle 2" in late.stdout


def test_what_a_refused_request_changes_in_a_call_is_found_where_calls_move_by_themselves(
    serve: Callable[..., Server],
) -> None:
    """A foreign server's clock runs: what calls do by it is no fault, and hides none either."""
    server = serve(defect="interactly: a refused call redirects the others")
    findings = _found_in(server, "interactly", "createCall")
    assert any("userNumber" in one and "[errors]" in one for one in findings), findings


def test_calls_that_go_on_while_pages_are_turned_are_no_fault(serve: Callable[..., Server]) -> None:
    server = serve(defect="uponai: calls go on although the clock stands")
    assert [one for one in _found_in(server, "uponai", "listCalls") if "[list]" in one] == []


def _found_in(server: Server, vendor: str, operation: str) -> list[str]:
    """What a check of one operation finds at a server that is not known to be ours, each as it is told."""
    settings = Settings(
        providers=[vendor],
        targets={vendor: server.origin(vendor)},
        api_key=Key("$MINE", KEY_BY_HAND),
        operations=[operation],
        draws=0,
    )
    run = Run(settings)
    run.preflight()
    findings: list[str] = []
    for case in run.all_cases():
        try:
            case.check()
        except ContractBroken as broken:
            findings += [one.text() for one in broken.findings]
        except NotCovered:
            continue
    run.close()
    assert any(outcome.verdict == "passed" for outcome in run.outcomes)
    return findings

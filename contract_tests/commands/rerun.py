"""The run of a re-check: recordings take the place of a target, and nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence

from contract_tests.judging.assumptions import Assumption, together
from contract_tests.judging.judge import Tally
from contract_tests.options import Settings
from contract_tests.recordings.har import Recording
from contract_tests.recordings.recheck import Rechecked, judged
from contract_tests.run import Run
from contract_tests.words.facts import Verdict
from contract_tests.words.findings import Outcome


class RecheckRun(Run):
    """The run of a re-check, as the reports want it: the target is the file, or the files."""

    def __init__(self, settings: Settings, recordings: Sequence[Recording]) -> None:
        super().__init__(settings)
        self.recordings = recordings
        self.rechecked: list[Rechecked] = []

    def target(self, provider: str) -> str | None:
        """The recordings, whichever vendor they are of."""
        return ", ".join(str(one.file) for one in self.recordings)

    def judge(self) -> list[Assumption]:
        """Judges every exchange and keeps the outcomes; returns what the recordings say of assumed statements.

        Each recording is judged by itself: what happened between two of them nobody knows.
        """
        assumed: list[Assumption] = []
        for provider in self.providers:
            spec = self.specs[provider]
            done = [judged(recording, spec, self.specs) for recording in self.recordings]
            self.rechecked += done
            found: dict[tuple[str, str], Outcome] = {}
            for each in done:
                tally = Tally(each.world, self.settings.fail_on)
                for one in each.judged:
                    tally.add(verdict for verdict in one.verdicts if self._is_asked(verdict))
                for which, outcome in tally.outcomes.items():
                    if which in found:
                        found[which].join(outcome)
                    else:
                        found[which] = outcome
            order = list(spec.operations)
            self.outcomes += sorted(found.values(), key=lambda outcome: order.index(outcome.operation))
            assumed += together(each.assumptions for each in done)
        return assumed

    def _is_asked(self, verdict: Verdict) -> bool:
        return not self.settings.operations or verdict.operation.id in self.settings.operations

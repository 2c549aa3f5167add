"""The run of a re-check: a recording takes the place of a target, and nothing is sent."""

from __future__ import annotations

from pathlib import Path

from contract_tests.judging.judge import Tally
from contract_tests.options import Settings
from contract_tests.recordings.har import Recording
from contract_tests.recordings.recheck import Rechecked, judged
from contract_tests.run import Run
from contract_tests.words.facts import Verdict


class RecheckRun(Run):
    """The run of a re-check, as the reports want it: the target is the file."""

    def __init__(self, settings: Settings, file: Path) -> None:
        super().__init__(settings)
        self.file = file
        self.rechecked: dict[str, Rechecked] = {}

    def target(self, provider: str) -> str | None:
        """The recording, whichever vendor it is of."""
        return str(self.file)

    def judge(self, recording: Recording) -> None:
        """Judges every exchange and keeps the outcomes."""
        for provider in self.providers:
            spec = self.specs[provider]
            done = judged(recording, spec, self.specs)
            self.rechecked[provider] = done
            tally = Tally(done.world, self.settings.fail_on)
            for one in done.judged:
                tally.add(verdict for verdict in one.verdicts if self._is_asked(verdict))
            order = list(spec.operations)
            self.outcomes += sorted(tally.outcomes.values(), key=lambda outcome: order.index(outcome.operation))

    def _is_asked(self, verdict: Verdict) -> bool:
        return not self.settings.operations or verdict.operation.id in self.settings.operations

"""`python -m tests.defects.serve NAME serve ...`: the `ringback` command with one defect planted."""

from __future__ import annotations

import sys

from mock_server import catalogue, cli
from mock_server.exchange import Service
from tests.defects.catalogue import DEFECTS


def main() -> int:
    name, *arguments = sys.argv[1:]
    defect = next(defect for defect in DEFECTS if f"{defect.provider}: {defect.name}" == name)
    honest = catalogue.open_services

    def planted(names: object = None, **options: object) -> dict[str, Service]:
        services = honest([defect.provider], **options)  # type: ignore[arg-type]
        defect.plant(services[defect.provider])
        return services

    catalogue.open_services = planted  # type: ignore[assignment]
    return cli.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main())

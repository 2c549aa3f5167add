"""`python -m mock_server`: the `ringback` command, where no script of that name is installed."""

from __future__ import annotations

from mock_server.commands.cli import main

raise SystemExit(main())

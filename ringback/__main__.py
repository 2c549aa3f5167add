"""`python -m ringback` and the script `ringback`: the command line."""

from __future__ import annotations

from ringback.launch import main

if __name__ == "__main__":
    raise SystemExit(main())

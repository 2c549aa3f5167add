#!/usr/bin/env bash
# log.sh LINES [FILE]: the last lines of the server's log, none of which can be taken for a command of the runner.
set -euo pipefail
stop="ringback-$RANDOM$RANDOM$RANDOM"
echo "::group::Ringback's log"
echo "::stop-commands::$stop"
tail -n "$1" "${2:-$RUNNER_TEMP/ringback.log}"
echo "::$stop::"
echo "::endgroup::"

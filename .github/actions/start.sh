#!/usr/bin/env bash
# start.sh PORT ARGUMENTS: starts the server, waits until it is ready, and tells where everything is.
set -euo pipefail
port=$1
read -r -a arguments <<< "$2"
ringback="$RUNNER_TEMP/ringback/bin/ringback"
log="$RUNNER_TEMP/ringback.log" where="$RUNNER_TEMP/ringback.json"
: > "$log"
: > "$where"
nohup "$ringback" serve --json --log text --port "$port" "${arguments[@]}" > "$where" 2> "$log" < /dev/null &
pid=$!
for _ in $(seq 300); do
  [ -s "$where" ] && break
  kill -0 "$pid" 2> /dev/null || break
  sleep 0.1
done
if ! [ -s "$where" ]; then
  bash "$(dirname "$0")/log/log.sh" 200 "$log"
  echo "::error title=Ringback::the server did not start"
  exit 1
fi
"$RUNNER_TEMP/ringback/bin/python" - "$where" "$log" "$pid" >> "$GITHUB_OUTPUT" <<'PYTHON'
import json, sys
file, log, pid = sys.argv[1:]
where = json.load(open(file))
for name, value in {"url": where["url"], "control": where["control"], **where["providers"], "log": log, "pid": pid}.items():
    print(f"{name}={value}")
PYTHON
url=$(sed -n 's/^url=//p' "$GITHUB_OUTPUT" | tail -n 1)
"$ringback" ready --url "$url" --wait 30
{
  echo "RINGBACK_URL=$url"
  echo "RINGBACK_LOG_FILE=$log"
} >> "$GITHUB_ENV"

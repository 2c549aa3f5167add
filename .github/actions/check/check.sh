#!/usr/bin/env bash
# check.sh VENDORS TARGET ARGUMENTS JUNIT: the check; it writes annotations and the job's summary by itself.
set -uo pipefail
read -r -a vendors <<< "$1"
read -r -a arguments <<< "$3"
target=$2 junit=$4
[ -z "$target" ] || arguments+=(--target "$target")
"$RUNNER_TEMP/ringback/bin/ringback" check "${vendors[@]}" "${arguments[@]}" --report "junit=$junit"
code=$?
printf 'exit-code=%s\njunit=%s\n' "$code" "$junit" >> "$GITHUB_OUTPUT"
exit "$code"

#!/usr/bin/env bash
# install.sh VERSION PYTHON EXTRA: Ringback in an environment of its own, put on the PATH of the steps that follow.
set -euo pipefail
version=$1 python=$2 extra=$3
here=$(cd "$(dirname "$0")/../.." && pwd)
folder="$RUNNER_TEMP/ringback"
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check)
if [ -n "$version" ]; then
  "${pip[@]}" "$version"
else
  # The files of this action, with what they were tested with, by its hashes.
  end='## To check'
  [ -z "$extra" ] || end='## To work on it'
  sed "/^$end/,\$d" "$here/constraints.txt" > "$folder/constraints.txt"
  "${pip[@]}" --require-hashes --requirement "$folder/constraints.txt"
  "${pip[@]}" --no-deps --no-build-isolation "$here"
fi
echo "$folder/bin" >> "$GITHUB_PATH"

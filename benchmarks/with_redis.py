"""Starts a Redis of its own on a socket in a folder, and `ringback serve` on it: with_redis.py FOLDER ARGUMENTS..."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def main(folder: Path, arguments: list[str]) -> int:
    """Runs both until the server ends; whoever started this ends all of its session."""
    place = folder / "redis.sock"
    redis = ["redis-server", "--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(folder)]
    service = subprocess.Popen(redis, stdout=subprocess.DEVNULL)
    try:
        while not place.exists() and service.poll() is None:
            time.sleep(0.005)
        command = [sys.executable, "-m", "mock_server", "serve", "--store", f"unix://{place}", *arguments]
        return subprocess.run(command).returncode
    finally:
        service.kill()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))

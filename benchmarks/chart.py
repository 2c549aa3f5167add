"""Draws the speed table of a run as a chart: chart.py FIGURES.json CHART.png; needs Chromium and playwright."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

WIDTH, LABEL, ROW = 760, 190, 26


def svg(figures: Mapping[str, Mapping[str, Any]], title: str) -> str:
    """A bar for each server, the fastest first; ours are darker."""
    rows = sorted(figures.items(), key=lambda row: -float(row[1]["per_second"]))
    most = float(rows[0][1]["per_second"])
    parts = [f'<text x="10" y="22" font-weight="bold">{escape(title)}</text>']
    for index, (name, one) in enumerate(rows):
        y, speed = 36 + index * ROW, float(one["per_second"])
        width = max(1.0, (WIDTH - LABEL - 170) * speed / most)
        colour = "#1f5fa8" if name.startswith("ringback") else "#c9ced6" if name.startswith("bare") else "#9aa5b4"
        beside = f"{speed:,.0f}/s, p99 {one['p99_ms']:.1f} ms"
        parts.append(f'<text x="{LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{LABEL}" y="{y + 3}" width="{width:.1f}" height="{ROW - 8}" fill="{colour}"/>')
        parts.append(f'<text x="{LABEL + width + 6:.1f}" y="{y + 16}" fill="#444">{beside}</text>')
    height = 36 + len(rows) * ROW + 10
    style = 'font-family="sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" {style}>'
    return head + '<rect width="100%" height="100%" fill="white"/>' + "".join(parts) + "</svg>"


def main(figures: Path, chart: Path) -> None:
    """Writes the chart."""
    from playwright.sync_api import sync_playwright

    report = json.loads(figures.read_text(encoding="utf-8"))
    title = f"update-agent, {report['connections']} connections, requests a second ({report['machine']['cores']} cores)"
    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content(f'<body style="margin:0">{svg(report["speed"], title)}</body>')
        page.locator("svg").screenshot(path=chart)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""How the documentation is built: `make docs`. No asset comes from anywhere else."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from generate import write  # noqa: E402 - the path comes first

from ringback import __version__  # noqa: E402

write(HERE / "reference")

project = "Ringback"
author = "the Ringback authors"
copyright = "2026, the Ringback authors"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["reference/generated", "_build"]
nitpicky = True
html_theme = "furo"
html_title = f"Ringback {release}"
html_copy_source = False
html_show_sphinx = False

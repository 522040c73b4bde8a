"""A whole system with the page, for a browser: its own L1, node, batcher, oracle, traders, index, gateway."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cli.running import Running, up
from tests.house.repository import ROOT

WEB = ROOT / "web"
PAGE = ROOT / "build" / "web"
PLAYWRIGHT = WEB / "node_modules" / ".bin" / "playwright"

CONFIG = """
[l1]
block_time_seconds = 1
[node]
batch_seconds = 2.0
[rollup]
window_s = {window_s}
[oracle]
step_seconds = 1.0
[market]
strikes = 6
expiries = 2
quarterlies = 1
takers = 2
[gateway]
port = 0
page = "{page}"
"""


def find_obstacle() -> str:
    """Why the page can't be tested in a browser here; empty if it can."""
    if shutil.which(get_browser()) is None:
        return "Chromium is not installed: sh scripts/install_chromium.sh"
    if not PLAYWRIGHT.exists():
        return "Playwright is not installed: make setup"
    if not (PAGE / "index.html").exists():
        return "the page is not built: make web"
    return ""


def get_browser() -> str:
    """The browser that tests run in."""
    return os.environ.get("MILETUS_CHROMIUM", "chromium")


@dataclass(frozen=True)
class Stage:
    """A system that runs, and where a browser finds it."""

    running: Running

    @property
    def gateway_url(self) -> str:
        """Where the page is."""
        return str(self.running.started["gateway"]).removesuffix("/api/v2")

    @property
    def l1_url(self) -> str:
        """Where its L1 is."""
        return str(json.loads((self.running.folder / "system.json").read_text())["l1_url"])

    def run(self, *arguments: str, seconds: float = 900.0, **environment: str) -> None:
        """Run Playwright on tests of web/tests. AssertionError with what it said if one of them failed."""
        with tempfile.TemporaryDirectory(prefix="page-") as output:
            told = {
                "MILETUS_PAGE_URL": self.gateway_url,
                "MILETUS_L1_URL": self.l1_url,
                "MILETUS_CHROMIUM": shutil.which(get_browser()) or "",
                "MILETUS_PAGE_OUTPUT": output,
            }
            done = subprocess.run(
                [str(PLAYWRIGHT), "test", *arguments],
                cwd=WEB,
                env={**os.environ, **told, **environment},
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
            shown = [path.read_text() for path in Path(output).rglob("error-context.md")]
        print(done.stdout)
        assert done.returncode == 0, "\n".join([done.stdout[-6_000:], done.stderr[-2_000:], *shown])


@contextmanager
def stage(folder: Path, window_s: int = 20) -> Iterator[Stage]:
    """Start a system that serves the built page, and stop it at the end."""
    config = folder / "miletus.toml"
    config.write_text(CONFIG.format(page=PAGE, window_s=window_s))
    with up(folder / "system", "--config", str(config)) as running:
        yield Stage(running)

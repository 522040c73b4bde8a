"""The repository as its tests see it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def get_files() -> list[Path]:
    """List what is committed or could be: every file that git neither ignores nor finds deleted."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [path for path in sorted(ROOT / name for name in set(names) if name) if path.is_file()]


def get_text(path: Path) -> str | None:
    """Read a file, or give None if it is not text."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None

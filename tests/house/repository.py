"""The repository as its tests see it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


MADE_BY_A_RUN = {".git", ".venv", "node_modules", "build", "__pycache__"}


def get_files() -> list[Path]:
    """List what is committed or could be; where there is no git history, all that no run has made."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=False, capture_output=True, text=True)
    if listed.returncode == 0:
        paths = {ROOT / name for name in listed.stdout.split("\0") if name}
    else:
        paths = {path for path in ROOT.rglob("*") if MADE_BY_A_RUN.isdisjoint(path.relative_to(ROOT).parts)}
    return sorted(path for path in paths if path.is_file())


def get_text(path: Path) -> str | None:
    """Read a file, or give None if it is not text."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None

"""Pictures of the page for the documents, of a system that is started for them: `make screenshots`.

python -m tests.page.screenshots FOLDER

Where pngquant is installed (Debian: pngquant) they are made a third of their size by it.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.page.running import find_obstacle, stage

COLOURS = "64"
"""What is left of each picture's colours."""

WINDOW_S = 120
"""Long enough that a trade is still in it when it is pictured."""


def main() -> None:
    """Write a picture of each view, dark, light and on a phone."""
    obstacle = find_obstacle()
    if obstacle:
        raise SystemExit(f"no pictures can be taken: {obstacle}")
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as place,
        stage(Path(place), window_s=WINDOW_S) as system,
    ):
        system.run("screenshots", MILETUS_SCREENSHOTS=str(folder))
    shrink(folder)


def shrink(folder: Path) -> None:
    """Have the pictures of a folder take less room, if there is a program for that."""
    program = shutil.which("pngquant")
    if program is None:
        print("pngquant is not installed: the pictures stay large")
        return
    pictures = [str(path) for path in sorted(folder.glob("*.png"))]
    subprocess.run([program, "--force", "--ext", ".png", COLOURS, "--", *pictures], check=True)


if __name__ == "__main__":
    main()

"""Pictures of the page for the documents, of a system that is started for them: `make screenshots`.

python -m tests.page.screenshots FOLDER
"""

import sys
import tempfile
from pathlib import Path

from tests.page.running import find_obstacle, stage

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


if __name__ == "__main__":
    main()

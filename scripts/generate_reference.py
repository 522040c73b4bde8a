"""Writes the pages of docs/reference/ that are made from the code: gateway, command line, configuration.

    generate_reference.py           write them anew
    generate_reference.py --check   exit 1 and name those that are not what the code says

The page of data words is written by `generate_words.py`, with the code that is made from the same table.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from reference.command_line import render as render_commands
from reference.configuration import render as render_configuration

from miletus.gateway.reference import render as render_gateway

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "gateway.md": render_gateway,
    "cli.md": render_commands,
    "config.md": render_configuration,
}


def find_stale() -> list[str]:
    """Pages that are not what the code says."""
    return [
        name
        for name, render in PAGES.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != render()
    ]


def main() -> None:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    stale = find_stale()
    if parser.parse_args().check:
        for name in stale:
            sys.stderr.write(f"docs/reference/{name} is not what the code says: make reference\n")
        sys.exit(1 if stale else 0)
    for name in stale:
        (FOLDER / name).write_text(PAGES[name]())
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()

"""Write everything that comes from the table of data words (`src/miletus/codec/table.py`).

generate_words.py            write what is not current
generate_words.py --check    write nothing; exit 1 and name the files that are not current
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    os.environ["MILETUS_INTERPRETED"] = "1"  # the table's source decides, not an older build of it
import miletus  # noqa: F401 - it sees to the sources

if "miletus.codec" not in sys.modules:
    # The package imports what is generated here, which may be missing or broken: take its table alone.
    package = ModuleType("miletus.codec")
    package.__path__ = [str(Path(__file__).resolve().parent.parent / "src" / "miletus" / "codec")]
    sys.modules["miletus.codec"] = package

from words import go_decoder, page, python_decoder, python_encoder

ROOT = Path(__file__).resolve().parent.parent


def format_python(text: str, name: str) -> str:
    """Format a module as `make format` would."""
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--config", str(ROOT / "pyproject.toml"), "--stdin-filename", name, "-"]
    for command in (["format", "--quiet"], ["check", "--fix", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run(
            [*ruff, *command, *options], input=text, capture_output=True, text=True, cwd=ROOT
        )
        if done.returncode:
            raise SystemExit(f"{name}: ruff {command[0]} refuses it:\n{done.stdout}{done.stderr}")
        text = done.stdout
    return text


def generate() -> dict[str, str]:
    """The text of each generated file, by its path from the root."""
    decoder, encoder = "src/miletus/codec/decode_gen.py", "src/miletus/codec/encode.py"
    return {
        decoder: format_python(python_decoder.write(), decoder),
        encoder: format_python(python_encoder.write(), encoder),
        "docs/reference/words.md": page.write(),
        "native/words/words_gen.go": go_decoder.write(),
    }


def find_stale(files: dict[str, str]) -> list[str]:
    """Paths whose content is not what the table gives."""
    return [name for name, text in files.items() if read_or_empty(ROOT / name) != text]


def read_or_empty(path: Path) -> str:
    """Read a file, or nothing where there is none."""
    return path.read_text() if path.exists() else ""


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not current")
    check = parser.parse_args().check
    files = generate()
    stale = find_stale(files)
    for name in stale:
        print(f"{name}: {'not current, run scripts/generate_words.py' if check else 'written'}")
        if not check:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(files[name])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

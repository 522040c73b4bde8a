"""The table is what spec 03 says, and what was generated from it is current."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from miletus.codec.table import BY_KIND, TABLE, WORD_BYTES, Operation
from miletus.engine import segment as kinds

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (0x[0-9a-f]{2}) \| (\w+)[^|]*\| (\d) \| (.*)\|$", re.MULTILINE)
HEADER = [("account", 3), ("key", 1), ("nonce", 5), ("valid_until_s", 4)]


def get_spec_rows() -> dict[int, tuple[str, int, str]]:
    text = (ROOT / "spec" / "03-words.md").read_text()
    return {int(kind, 16): (name, int(words), fields) for kind, name, words, fields in ROW.findall(text)}


def read_first_word(fields: str) -> list[tuple[str, int]]:
    """Names and widths in the first word, as the text of the specification gives them."""
    first = re.sub(r"\(\w.*?\)", "", fields.replace("(4 bytes each, signed)", "4each")).split(";")[0]
    result: list[tuple[str, int]] = []
    for piece in (piece.strip() for piece in first.split(",") if piece.strip()):
        if piece == "header":
            result += HEADER
        elif piece.startswith("scenarios 0..3"):
            result += [(f"scenario_{k}", 4) for k in range(4)]
        else:
            name, width = piece.split()[:2]
            result.append((name, int(width)))
    return result


def get_first_word(operation: Operation) -> list[tuple[str, int]]:
    parts = [
        (part.offset, field.name, part.width, len(field.parts))
        for field in (*operation.header, *operation.fields)
        for part in field.parts
        if part.word == 0
    ]
    offsets = [offset for offset, _, _, _ in sorted(parts)]
    widths = [width for _, _, width, _ in sorted(parts)]
    assert offsets == [1 + sum(widths[:k]) for k in range(len(widths))]  # no gap, no overlap
    return [(name + ("_high" if count == 2 else ""), width) for _, name, width, count in sorted(parts)]


def strip_unit(name: str) -> str:
    return re.sub(r"_(ticks|lots|micros)$", "", name)


@pytest.mark.rule("03-R02", "03-R04")
def test_the_table_is_the_one_of_the_specification() -> None:
    rows = get_spec_rows()
    assert set(rows) == set(BY_KIND)
    for kind, (name, words, fields) in rows.items():
        operation = BY_KIND[kind]
        assert operation.title.removesuffix("Inbox") == name
        assert operation.words == words
        nothing = fields.startswith("refused")
        written = [] if nothing else [(strip_unit(n), w) for n, w in read_first_word(fields)]
        assert [(strip_unit(n), w) for n, w in get_first_word(operation)] == written, name


def test_no_two_fields_share_a_byte_or_a_place() -> None:
    for operation in TABLE:
        fields = [*operation.header, *operation.fields]
        taken = [(p.word, p.offset + k) for f in fields for p in f.parts for k in range(p.width)]
        assert len(taken) == len(set(taken))
        last = 29 if operation.signature else WORD_BYTES
        assert all(byte < (last if word == 0 else WORD_BYTES) for word, byte in taken)
        assert all(word < operation.words - 2 * operation.signature for word, _ in taken)
        places = [field.place + k for field in fields for k in range(max(1, field.limbs))]
        assert len(places) == len(set(places))
        assert all(place < kinds.R_PAYLOAD for place in places)


@pytest.mark.parametrize("script", ["scripts/generate_words.py", "vectors/make_words.py"])
def test_every_generated_file_is_current(script: str) -> None:
    command = [sys.executable, str(ROOT / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

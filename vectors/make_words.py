"""Write `words.json`: words and the records that both decoders must make of them.

make_words.py            write it
make_words.py --check    write nothing; exit 1 if it is not what would be written

Each case is a source, words in hex, and the records; of a record only the places that are not zero.
"""

import json
import random
import sys
from pathlib import Path

from miletus.codec import decode_segment
from miletus.codec.table import TABLE, WORD_BYTES
from miletus.engine.segment import INBOX, RECORD, SEQUENCED

PLACE = Path(__file__).with_suffix(".json").with_name("words.json")
SEED = 20_260_302


def get_records(source: int, words: bytes) -> list[dict[str, int]]:
    """Records of a segment, without their zeros."""
    segment = decode_segment(source, words)
    records = []
    for number in range(segment.count):
        values = (int(segment.records[number * RECORD + k]) for k in range(int(RECORD)))
        records.append({str(k): value for k, value in enumerate(values) if value})
    return records


def get_words() -> list[bytes]:
    """Words of every kind with all bits set, none, by chance; cut off anywhere; unknown kinds; mixtures."""
    chance = random.Random(SEED)
    texts = []
    for operation in TABLE:
        size = operation.words * WORD_BYTES - 1
        rests = [bytes(size), b"\xff" * size, chance.randbytes(size), b"\x80" + bytes(size - 1)]
        rests += [chance.randbytes(cut * WORD_BYTES - 1) for cut in range(1, operation.words)]
        texts += [bytes([operation.kind]) + rest for rest in rests]
    known = {operation.kind for operation in TABLE}
    texts.append(b"".join(bytes([k]) + chance.randbytes(30) for k in range(256) if k not in known))
    kinds = sorted(known)
    for length in (0, 1, 7, 40, 100):
        words = [bytes([chance.choice(kinds)]) + chance.randbytes(30) for _ in range(length)]
        texts.append(b"".join(words))
    return texts


def build() -> str:
    """The file's text: a case a line."""
    cases = []
    for words in get_words():
        for source in (int(INBOX), int(SEQUENCED)):
            case = {"source": source, "words": words.hex(), "records": get_records(source, words)}
            cases.append(json.dumps(case, separators=(",", ":")))
    return "[\n" + ",\n".join(cases) + "\n]\n"


def main() -> int:
    """Run from the command line."""
    text = build()
    if "--check" in sys.argv[1:]:
        current = PLACE.exists() and PLACE.read_text() == text
        print("" if current else f"{PLACE}: not current, run vectors/make_words.py", end="")
        return 0 if current else 1
    PLACE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

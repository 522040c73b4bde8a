"""Operations of the tests: named fields, and the decoded records that the machine reads (spec 03)."""

from __future__ import annotations

from collections.abc import Sequence

from librt.vecs import vec
from mypy_extensions import i64

from miletus.engine import segment
from miletus.engine.segment import RECORD, Segment
from tests.engine.naive import FIELDS, SCOPE_BITS

Record = dict[str, int]
LIMB = 1 << 52
WIDE = {"owner": 4, "x": 5, "y": 5}
"""Fields that are limbs of 52 bits in a record."""

BYTES = {
    "owner": 20,
    **dict.fromkeys(("to",), 3),
    **dict.fromkeys(("x", "y"), 32),
    **dict.fromkeys(("slot", "scope", "flags", "mode", "underlying", "first", "type", "signer"), 1),
    **dict.fromkeys(("instrument", "count"), 2),
    **dict.fromkeys(("good_for_s", "gamma"), 3),
    **dict.fromkeys(("price", "size", "generation", "mark", "index", "number", "reference_index"), 4),
    **dict.fromkeys(("strike", "tick_step", "lot_step", "min_size"), 4),
    "time_s": 5,
    "time_ms": 6,
    "amount": 7,
    "cumulative": 8,
}
"""Widths of fields in words; `expiry_s`, `delta` and scenarios need more than a number, see `get_range`."""


def get_range(kind: int, name: str) -> tuple[int, int]:
    """Least and greatest value that a word can carry in this field."""
    if name == "delta":
        return -(1 << 15), (1 << 15) - 1
    if name.startswith("scenario"):
        return -(1 << 31), (1 << 31) - 1
    width = (5 if kind == segment.LIST else 4) if name == "expiry_s" else BYTES[name]
    return 0, min((1 << (8 * width)) - 1, (1 << 62) - 1 if width == 8 else 1 << 256)


def make(kind: int, **fields: int) -> Record:
    """Make an operation; header fields that are not given are zero, and its signature holds."""
    header = {"kind": kind, "account": 0, "key": 0, "nonce": 0, "valid_until_s": 0, "signed": 1, "payload": 0}
    assert set(fields) <= {*header, "hint", *FIELDS.get(kind, ())}, (kind, fields)
    missing = set(FIELDS.get(kind, ())) - set(fields)
    assert not missing, (kind, missing)
    return header | fields


def put_limbs(values: list[int], place: int, number: int, count: int) -> None:
    for limb in range(count):
        values[place + limb] = number % LIMB
        number //= LIMB


def encode_record(record: Record) -> list[int]:
    """Lay an operation out as the codec does.

    What `FoldCrypto` takes for a signature is the lowest bit of the payload; `hint` is what a segment's
    preparation found, which only counts while the key is the one it looked at.
    """
    kind = record["kind"]
    values = [0] * int(RECORD)
    values[segment.R_KIND] = kind
    values[segment.R_ACCOUNT] = record["account"]
    values[segment.R_KEY] = record["key"]
    values[segment.R_NONCE] = record["nonce"]
    values[segment.R_VALID_UNTIL_S] = record["valid_until_s"]
    values[segment.R_WORDS] = 1
    values[segment.R_SIGNED] = record.get("hint", record["signed"])
    place = int(segment.R_FIELDS)
    for name in FIELDS.get(kind, ()):
        if name in WIDE:
            put_limbs(values, place, record[name], WIDE[name])
        else:
            values[place] = record[name]
        place += WIDE.get(name, 1)
    payload = record["payload"]
    if kind in SCOPE_BITS or kind == segment.APPROVE:
        payload = payload // 2 * 2 + record["signed"]
    put_limbs(values, int(segment.R_PAYLOAD), payload, 5)
    return values


def make_segment(source: int, records: Sequence[Record]) -> Segment:
    """Make a segment of these operations, without words behind it."""
    values = [value for record in records for value in encode_record(record)]
    return Segment(source, vec[i64](values), len(records), b"")


def read_record(decoded: Segment, number: int) -> Record:
    """Turn a decoded operation back into named fields: the inverse of `encode_record`."""
    base = number * int(RECORD)
    values = [decoded.records[base + k] for k in range(int(RECORD))]

    def get_limbs(place: int, count: int) -> int:
        return sum(values[place + limb] * LIMB**limb for limb in range(count))

    record = {
        "kind": values[segment.R_KIND],
        "account": values[segment.R_ACCOUNT],
        "key": values[segment.R_KEY],
        "nonce": values[segment.R_NONCE],
        "valid_until_s": values[segment.R_VALID_UNTIL_S],
        "payload": get_limbs(int(segment.R_PAYLOAD), 5),
    }
    record["signed"] = record["payload"] % 2
    place = int(segment.R_FIELDS)
    for name in FIELDS.get(record["kind"], ()):
        record[name] = get_limbs(place, WIDE[name]) if name in WIDE else values[place]
        place += WIDE.get(name, 1)
    return record

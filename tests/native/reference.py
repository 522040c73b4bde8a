"""Poseidon2, the tree, packing and EdDSA in plain Python, written from spec 10 and the papers it names.

Slow, and sharing nothing with the library: not even the constants, which are drawn here from the Grain
generator as the Poseidon2 authors' script does.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence

from eth_utils.crypto import keccak

R = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""The field's order; spec 10."""

Cell = Sequence[tuple[int, int, bool]]
Point = tuple[int, int]

# ---- Poseidon2 (eprint 2023/323)

FULL_ROUNDS = 8
PARTIAL_ROUNDS = 57
REFUSED_MATRICES = {8: 30, 16: 6}
"""Internal matrices that the script draws and refuses, since a power's minimal polynomial is reducible."""

M4 = ((5, 7, 1, 3), (4, 6, 1, 1), (1, 3, 5, 7), (1, 1, 4, 6))


def draw_bits(width: int) -> Iterator[int]:
    """The Grain generator, seeded with field, S-box, 254 bits, width and rounds (Poseidon, appendix E)."""
    seed = f"{1:02b}{0:04b}{254:012b}{width:012b}{FULL_ROUNDS:010b}{PARTIAL_ROUNDS:010b}" + "1" * 30
    state = [int(bit) for bit in seed]

    def step() -> int:
        bit = state[62] ^ state[51] ^ state[38] ^ state[23] ^ state[13] ^ state[0]
        del state[0]
        state.append(bit)
        return bit

    for _ in range(160):
        step()
    while True:
        keep, bit = step(), step()
        if keep:
            yield bit


def draw_integers(width: int) -> Iterator[int]:
    """Integers of 254 bits, highest bit first."""
    bits = draw_bits(width)
    while True:
        yield int("".join(str(next(bits)) for _ in range(254)), 2)


@functools.cache
def get_constants(width: int) -> tuple[list[list[int]], list[int]]:
    """Round constants by round, and the internal matrix's diagonal."""
    integers = draw_integers(width)
    below = (v for v in integers if v < R)
    half = FULL_ROUNDS // 2
    widths = [width] * half + [1] * PARTIAL_ROUNDS + [width] * half
    rounds = [[next(below) for _ in range(count)] for count in widths]
    for _ in range(REFUSED_MATRICES[width] * width):
        next(integers)
    return rounds, [next(integers) % R for _ in range(width)]


def multiply(matrix: Sequence[Sequence[int]], state: Sequence[int]) -> list[int]:
    return [sum(a * b for a, b in zip(row, state, strict=True)) % R for row in matrix]


@functools.cache
def get_matrices(width: int) -> tuple[list[list[int]], list[list[int]]]:
    """External matrix circ(2 M4, M4, ...) and internal matrix: ones, with the diagonal drawn."""
    blocks = range(width)
    external = [[M4[i % 4][j % 4] * (2 if i // 4 == j // 4 else 1) for j in blocks] for i in blocks]
    diagonal = get_constants(width)[1]
    internal = [[diagonal[i] if i == j else 1 for j in blocks] for i in blocks]
    return external, internal


def permute(state: Sequence[int]) -> list[int]:
    width = len(state)
    external, internal = get_matrices(width)
    state = multiply(external, state)
    for constants in get_constants(width)[0]:
        full = len(constants) == width
        state = [(v + c) % R for v, c in zip(state, constants + [0] * (width - len(constants)), strict=True)]
        state = [pow(v, 5, R) if full or i == 0 else v for i, v in enumerate(state)]
        state = multiply(external if full else internal, state)
    return state


def hash7(tag: int, *elements: int) -> int:
    return permute([*elements, *[0] * (7 - len(elements)), tag])[0]


def hash15(tag: int, *elements: int) -> int:
    return permute([*elements, *[0] * (15 - len(elements)), tag])[0]


def hash_children(children: Sequence[int]) -> int:
    """Hash of a page (16 cells) or a node (8 children)."""
    return (permute(children)[0] + children[0]) % R


# ---- pages and tree (10-R01)


def pack(cells: Sequence[Cell], fields: Sequence[int]) -> list[int]:
    """Cells of a page: sums of fields times powers of two, low end first."""
    packed = []
    for slots in cells:
        total = offset = 0
        for field, bits, _signed in slots:
            total += fields[field] << offset
            offset += bits
        packed.append(total % R)
    return packed + [0] * (16 - len(packed))


@functools.cache
def hash_untouched(level: int) -> int:
    return hash_children([0] * 16) if level == 0 else hash_children([hash_untouched(level - 1)] * 8)


def compute_root(pages: Mapping[int, Sequence[int]]) -> int:
    """Root over the pages (number to 16 cells): by level, in dictionaries."""
    hashes = {number: hash_children(cells) for number, cells in pages.items()}
    for level in range(10):
        parents = {number // 8 for number in hashes}
        zero = hash_untouched(level)
        hashes = {n: hash_children([hashes.get(8 * n + j, zero) for j in range(8)]) for n in parents}
    return hashes.get(0, hash_untouched(10))


def compute_proof_root(number: int, cells: Sequence[int], siblings: Sequence[int]) -> int:
    value = hash_children(cells)
    for level in range(10):
        own = number // 8**level % 8
        row = list(siblings[7 * level : 7 * level + 7])
        value = hash_children([*row[:own], value, *row[own:]])
    return value


# ---- BabyJubJub with a = -1 (10-R04, R05)

A_REDUCED, D_REDUCED = 168700, 168696
D = -D_REDUCED * pow(A_REDUCED, -1, R) % R
ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
BASE = (
    9671717474070082183213120605117400219616337014328744928644933853176787189663,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)
NEUTRAL = (0, 1)


def is_on_curve(point: Point) -> bool:
    x, y = point
    return 0 <= x < R and 0 <= y < R and (y * y - x * x - 1 - D * x * x * y * y) % R == 0


def add(p: Point, q: Point) -> Point:
    """The addition law of the curve's definition; it has no exceptions, since d is no square."""
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2 % R
    x = (x1 * y2 + y1 * x2) * pow(1 + t, -1, R) % R
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, R) % R
    return x, y


def times(scalar: int, p: Point) -> Point:
    total = NEUTRAL
    for bit in f"{scalar:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, p)
    return total


def square_root(v: int) -> int | None:
    """A root by Cipolla's algorithm, None for a non-square."""
    if v == 0:
        return 0
    if pow(v, (R - 1) // 2, R) != 1:
        return None
    a = next(a for a in range(R) if pow((a * a - v) % R, (R - 1) // 2, R) == R - 1)
    w = (a * a - v) % R
    (u0, u1), (b0, b1), exponent = (1, 0), (a, 1), (R + 1) // 2
    while exponent:
        if exponent & 1:
            u0, u1 = (u0 * b0 + u1 * b1 * w) % R, (u0 * b1 + u1 * b0) % R
        b0, b1 = (b0 * b0 + b1 * b1 * w) % R, 2 * b0 * b1 % R
        exponent >>= 1
    return u0


def compress(point: Point) -> bytes:
    x, y = point
    raw = bytearray(y.to_bytes(32, "little"))
    if x > (R - 1) // 2:
        raw[31] |= 0x80
    return bytes(raw)


def decompress(raw: bytes) -> Point | None:
    """The point of 32 bytes; None if they are not what `compress` gives for a point."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= R:
        return None
    x = square_root((y * y - 1) * pow(1 + D * y * y, -1, R) % R)
    if x is None:
        return None
    return next((p for p in ((x, y), (-x % R, y)) if compress(p) == raw), None)


def verify(x: int, y: int, message: int, signature: bytes) -> bool:
    if len(signature) != 64 or not is_on_curve((x, y)) or not 0 <= message < R:
        return False
    r, s = decompress(signature[:32]), int.from_bytes(signature[32:], "big")
    if r is None or s >= ORDER:
        return False
    challenge = hash7(2, *r, x, y, message)
    return times(8 * s, BASE) == add(times(8, r), times(8 * challenge, (x, y)))


def reduce_wide(*parts: bytes) -> int:
    both = keccak(b"".join(parts) + b"\0") + keccak(b"".join(parts) + b"\1")
    return int.from_bytes(both, "big") % ORDER


def sign(seed: bytes, message: int) -> tuple[Point, bytes]:
    """Public key and signature (10-R06)."""
    scalar = reduce_wide(seed)
    x, y = public = times(scalar, BASE)
    prefix = keccak(seed + b"\2")
    nonce = reduce_wide(prefix, *(v.to_bytes(32, "big") for v in (x, y, message)))
    r = times(nonce, BASE)
    s = (nonce + hash7(2, *r, x, y, message) * scalar) % ORDER
    return public, compress(r) + s.to_bytes(32, "big")


@functools.cache
def get_small_points() -> tuple[Point, ...]:
    """The 8 points whose order divides the cofactor, the neutral one first."""
    for y in range(2, 1000):
        p = decompress(y.to_bytes(32, "little"))
        if p is not None:
            generator = times(ORDER, p)
            points = [times(k, generator) for k in range(8)]
            if len(set(points)) == 8:
                return tuple(points)
    raise AssertionError("no point of order 8")


# ---- accumulators and data (10-R07, R08)


def split_words(words: bytes) -> list[int]:
    return [int.from_bytes(words[at : at + 31], "big") for at in range(0, len(words), 31)]


def bind_data(words: bytes) -> tuple[bytes, int, int, int]:
    elements = split_words(words)
    h = len(elements)
    for at in range(0, len(elements), 14):
        h = hash15(5, h, *elements[at : at + 14])
    digest = keccak(b"".join(w.to_bytes(32, "big") for w in elements))
    z = int.from_bytes(keccak(digest + h.to_bytes(32, "big")), "big") % R
    y = 1
    for w in elements:
        y = (y * z + w) % R
    return digest, h, z, y

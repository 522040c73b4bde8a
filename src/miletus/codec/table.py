"""The one table of data words (spec 03): which bytes mean what.

Decoder, encoder, the Go decoder and `docs/reference/words.md` are generated from it by
`scripts/generate_words.py`. A field lies in one or more parts; the most significant part comes first.
"""

from dataclasses import dataclass
from typing import Final

from miletus.engine import segment as kinds

WORD_BYTES: Final = 31
"""Bytes of a word: what fits below the field's order, and in a blob's element; spec 03."""

PAYLOAD_BYTES: Final = 29
"""Bytes of a signed word that its signature covers; spec 03 and 10-R03."""

LIMB_BITS: Final = 52
"""Bits of a limb of a value that is too wide for one integer, least limb first."""

FIRST_SIGNED_KIND: Final = 0x10
LAST_SIGNED_KIND: Final = 0x1F
"""Kinds between these take one word in an inbox segment, where no signature follows; spec 03-R03."""

WIDEST: Final = 4_611_686_018_427_387_903
"""2^62 - 1. A larger unsigned value is decoded as this, which every rule refuses; spec 01-R01."""


@dataclass(frozen=True)
class Part:
    """Bytes `offset` .. `offset + width - 1` of word `word` of the operation."""

    word: int
    offset: int
    width: int


@dataclass(frozen=True)
class Field:
    """One value: `parts` from the most significant on; `limbs` is 0 for a value of one integer.

    `place` is where the value (or its least limb) lies in a decoded record.
    """

    name: str
    meaning: str
    parts: tuple[Part, ...]
    signed: bool
    limbs: int
    place: int

    @property
    def width(self) -> int:
        """Bytes of the value."""
        return sum(part.width for part in self.parts)


@dataclass(frozen=True)
class Operation:
    """A kind of operation: `words` long, or 1 word from the inbox if it is a signed kind."""

    kind: int
    name: str
    title: str
    words: int
    signature: bool
    meaning: str
    header: tuple[Field, ...]
    fields: tuple[Field, ...]

    @property
    def inbox_words(self) -> int:
        """Words that it takes in an inbox segment."""
        return 1 if FIRST_SIGNED_KIND <= self.kind <= LAST_SIGNED_KIND else self.words


Spec = tuple[str, int, str]
"""(name, bytes, meaning); a negative number of bytes is a signed value, 20 and 32 bytes are kept as limbs."""

ACCOUNT: Final[Spec] = ("account", 3, "the account that it speaks for")
HEADER: Final[list[Spec]] = [
    ACCOUNT,
    ("key", 1, "slot of the trading key, 0..3"),
    ("nonce", 5, "above the key's last one"),
    ("valid_until_s", 4, "last second of the clock at which it counts"),
]
SLOT: Final[Spec] = ("slot", 1, "order slot of the account")
INSTRUMENT: Final[Spec] = ("instrument", 2, "number of the instrument")
UNDERLYING: Final[Spec] = ("underlying", 1, "0 BTC, 1 ETH")
GENERATION: Final[Spec] = ("generation", 4, "generation of the slot that is meant")
PRICE: Final[Spec] = ("price_ticks", 4, "limit price")
KEY_TERMS: Final[list[Spec]] = [
    ("scope", 1, "bit 0 orders, 1 transfer, 2 withdraw, 3 keys"),
    ("expiry_s", 4, "last second of the key, 0 = none"),
]


def _header(specs: list[Spec]) -> list[Field]:
    """Fields right after the kind byte, with their places at the start of a record."""
    places = {
        "account": int(kinds.R_ACCOUNT),
        "key": int(kinds.R_KEY),
        "nonce": int(kinds.R_NONCE),
        "valid_until_s": int(kinds.R_VALID_UNTIL_S),
    }
    fields: list[Field] = []
    offset = 1
    for name, width, meaning in specs:
        fields.append(Field(name, meaning, (Part(0, offset, width),), False, 0, places[name]))
        offset += width
    return fields


def _count_limbs(width: int) -> int:
    return 0 if width <= 8 else -(-width * 8 // LIMB_BITS)


def _lay(specs: list[Spec], word: int, offset: int, place: int) -> list[Field]:
    """Fields one after the other from `offset` of `word` on, into `place` of the record on."""
    fields: list[Field] = []
    for name, signed_width, meaning in specs:
        width = abs(signed_width)
        limbs = _count_limbs(width)
        fields.append(Field(name, meaning, (Part(word, offset, width),), signed_width < 0, limbs, place))
        offset += width
        place += max(1, limbs)
    return fields


def _end(fields: list[Field], first: int) -> int:
    """Where the next field of the first word may begin."""
    return max([first] + [part.offset + part.width for f in fields for part in f.parts if part.word == 0])


def _place(fields: list[Field]) -> int:
    return max([int(kinds.R_FIELDS)] + [field.place + max(1, field.limbs) for field in fields])


def _operation(
    kind: int,
    title: str,
    words: int,
    meaning: str,
    header: list[Spec],
    specs: list[Spec],
    more: list[list[Spec]] | None = None,
    signature: bool = False,
) -> Operation:
    """An operation whose fields follow each other in its first word, then in the words of `more`."""
    head = _header(header)
    fields = _lay(specs, 0, _end(head, 1), int(kinds.R_FIELDS))
    for number, further in enumerate(more or []):
        fields += _lay(further, number + 1, 0, _place(fields))
    name = "".join("_" + c.lower() if c.isupper() else c for c in title).lstrip("_")
    return Operation(kind, name, title, words, signature, meaning, tuple(head), tuple(fields))


def _set_key(kind: int, title: str, words: int, header: list[Spec], signature: bool) -> Operation:
    """SetKey: x and y are 32 bytes each, their high bytes in the first word, the rest in own words."""
    slot: Spec = ("slot", 1, "key slot, 0..3")
    plain = _operation(kind, title, words, "sets or removes a trading key", header, [slot, *KEY_TERMS])
    fields = list(plain.fields)
    high = _end([*plain.header, *fields], 1)
    for number, name in enumerate(("x", "y")):
        parts = (Part(0, high + number, 1), Part(1 + number, 0, WORD_BYTES))
        fields.append(Field(name, f"{name} of the public key", parts, False, 5, _place(fields)))
    return Operation(kind, plain.name, title, words, signature, plain.meaning, plain.header, tuple(fields))


def _signed(kind: int, title: str, meaning: str, specs: list[Spec]) -> Operation:
    """A signed operation of one word and the two words of its signature."""
    return _operation(kind, title, 3, meaning, HEADER, specs, signature=True)


def _scenarios(first: int, last: int) -> list[Spec]:
    return [(f"scenario_{k}", -4, f"change of value in scenario {k}, ticks") for k in range(first, last + 1)]


def build_table() -> list[Operation]:
    """Every kind, in the order of spec 03."""
    amount: Spec = ("amount_micros", 7, "money")
    time_s: Spec = ("time_s", 5, "time of the reading or sheet")
    return [
        _operation(int(kinds.PADDING), "Padding", 1, "does nothing", [], []),
        _operation(
            int(kinds.DEPOSIT),
            "Deposit",
            1,
            "credits what L1 took in",
            [ACCOUNT],
            [("owner", 20, "L1 address that owns the account"), amount],
        ),
        _set_key(int(kinds.SET_KEY_INBOX), "SetKeyInbox", 3, [ACCOUNT], False),
        _signed(
            int(kinds.PLACE_ORDER),
            "PlaceOrder",
            "buys or sells",
            [
                SLOT,
                INSTRUMENT,
                ("flags", 1, "side, type, time in force, post-only, reduce-only: spec 04-R02"),
                PRICE,
                ("size_lots", 4, "size"),
                ("good_for_s", 3, "seconds that it may rest, 0 = no limit"),
            ],
        ),
        _signed(
            int(kinds.AMEND),
            "Amend",
            "replaces an order by one of another price or total size",
            [SLOT, GENERATION, PRICE, ("size_lots", 4, "new total size, what filled included")],
        ),
        _signed(
            int(kinds.CANCEL),
            "Cancel",
            "removes orders",
            [("mode", 1, "0 slot, 1 instrument, 2 all"), SLOT, GENERATION, INSTRUMENT],
        ),
        _signed(int(kinds.WITHDRAW), "Withdraw", "pays out to the owner on L1", [amount]),
        _signed(
            int(kinds.TRANSFER),
            "Transfer",
            "pays to another account",
            [("to", 3, "account that receives"), amount],
        ),
        _set_key(int(kinds.SET_KEY), "SetKey", 5, HEADER, True),
        _signed(int(kinds.QUOTE_SHEET), "QuoteSheet", "refused for now", []),
        _operation(
            int(kinds.INDEX_TICK),
            "IndexTick",
            1,
            "proposes an index",
            [],
            [
                UNDERLYING,
                time_s,
                ("index_ticks", 4, "price of the underlying"),
                ("cumulative", 8, "sum of index x seconds since some time of the signers' choice"),
            ],
        ),
        _operation(
            int(kinds.SHEET_ENTRY),
            "SheetEntry",
            3,
            "fills one line of a risk sheet",
            [],
            [
                UNDERLYING,
                ("first", 1, "1 starts a new filling"),
                INSTRUMENT,
                ("mark_ticks", 4, "mark at the reference index"),
                ("delta", -2, "1/10,000"),
                ("gamma", 3, "change of delta over 2^16 ticks of the index"),
                *_scenarios(0, 3),
            ],
            [_scenarios(4, 10), _scenarios(11, 15)],
        ),
        _operation(
            int(kinds.FLIP),
            "Flip",
            1,
            "proposes that the filled sheet counts from now on",
            [],
            [
                UNDERLYING,
                ("number", 4, "number of the sheet"),
                ("reference_index_ticks", 4, "index at which its marks were computed"),
                time_s,
                ("count", 2, "entries of the sheet"),
            ],
        ),
        _operation(
            int(kinds.LIST),
            "List",
            1,
            "proposes a new instrument",
            [],
            [
                INSTRUMENT,
                ("type", 1, "0 call, 1 put, 2 future, 3 perpetual"),
                UNDERLYING,
                ("strike_ticks", 4, "strike of an option, else 0"),
                ("expiry_s", 5, "expiry, 0 for a perpetual"),
                ("tick_step", 4, "prices are multiples of it, ticks"),
                ("lot_step", 4, "sizes are multiples of it, lots"),
                ("min_size_lots", 4, "least size of an order"),
            ],
        ),
        _operation(
            int(kinds.APPROVE),
            "Approve",
            3,
            "a signer agrees to what is on the stage",
            [],
            [("signer", 1, "number of the signer")],
            signature=True,
        ),
        _operation(
            int(kinds.TICK), "Tick", 1, "moves the clock", [], [("time_ms", 6, "the clock's new value")]
        ),
        _operation(int(kinds.SETTLE), "Settle", 1, "settles an expired instrument", [], [INSTRUMENT]),
        _operation(int(kinds.LIQUIDATE), "Liquidate", 1, "refused for now", [], []),
        _operation(int(kinds.FUND), "Fund", 1, "refused for now", [], []),
    ]


TABLE: Final = build_table()
BY_KIND: Final = {operation.kind: operation for operation in TABLE}

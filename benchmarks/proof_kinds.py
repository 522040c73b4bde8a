"""One operation of each kind, in a market of five instruments and four accounts, to be counted."""

from miletus.codec import encode
from miletus.engine import segment as G
from vectors.world import (
    ALICE,
    BOB,
    BUY,
    CALL,
    CAROL,
    DAVE,
    EXPIRY_S,
    FOK,
    FUTURE,
    IOC,
    PERPETUAL,
    PUT,
    REPLACE,
    SELL,
    World,
    btc_entries,
    build_market,
)

EACH = "each "
"""Before the name of a kind whose operations are counted one by one, not together."""

PRICE_TICKS = 9_000_000
CALL_TICKS = 200_000


class Script:
    """A market, and operations with the names of their kinds."""

    def __init__(self) -> None:
        """A market in which the accounts can trade."""
        self.world: World = build_market()
        self.names: list[str] = []

    def note(self, name: str) -> None:
        """Call what was sent since the last note by this name."""
        self.names += [name] * (len(self.world.words) - len(self.names))


def trade(s: Script) -> None:
    """Orders that rest, fill, replace, are amended and cancelled."""
    w = s.world
    w.place(ALICE, PERPETUAL, SELL, PRICE_TICKS, 2, slot=0)
    s.note("place_order, rests in an empty book")
    w.place(ALICE, PERPETUAL, SELL, PRICE_TICKS + 50, 2, slot=1)
    s.note("place_order, rests behind another")
    w.place(ALICE, PERPETUAL, SELL | REPLACE, PRICE_TICKS + 100, 2, slot=1)
    s.note("place_order, a requote in its slot")
    w.place(BOB, PERPETUAL, BUY | IOC, PRICE_TICKS, 2)
    s.note("place_order, fills 1")
    for k, account in enumerate((ALICE, CAROL, DAVE, ALICE)):
        w.place(account, PERPETUAL, SELL, PRICE_TICKS, 1, slot=2 + k)
    s.note("")
    w.place(BOB, PERPETUAL, BUY | IOC, PRICE_TICKS, 4)
    s.note("place_order, fills 4")
    for k, account in enumerate((ALICE, CAROL)):
        w.place(account, PERPETUAL, SELL, PRICE_TICKS, 1, slot=2 + k)
    s.note("")
    w.place(BOB, PERPETUAL, BUY | FOK, PRICE_TICKS, 9)
    s.note("place_order, fill or kill: fills 2, undone")
    w.send("amend", ALICE, slot=1, generation=2, price_ticks=PRICE_TICKS + 100, size_lots=1)
    s.note("amend, less at the same price")
    w.send("amend", ALICE, slot=1, generation=2, price_ticks=PRICE_TICKS + 150, size_lots=1)
    s.note("amend, another price")
    w.cancel(ALICE, 0, slot=1, generation=2)
    s.note("cancel, one order")
    for slot in range(20, 36):
        w.place(DAVE, CALL, BUY, CALL_TICKS - 100 * slot, 10, slot=slot)
    s.note("")
    w.cancel(DAVE, 2)
    s.note("cancel, mass cancel of 16 orders")
    w.send(
        "place_order", BOB, slot=9, instrument=PERPETUAL, flags=0, price_ticks=1, size_lots=1, good_for_s=0
    )
    s.note("place_order, refused")


def move_money(s: Script) -> None:
    """Transfers and withdrawals."""
    w = s.world
    w.send("transfer", ALICE, to=BOB, amount_micros=1_000_000)
    s.note("transfer")
    w.send("withdraw", BOB, amount_micros=1_000_000)
    s.note("withdraw")


def speak_for_oracle(s: Script) -> None:
    """Clock, index and sheet, two approvals each, and the refresh that follows."""
    w = s.world
    w.tick(1, (10, 10))
    s.names += ["tick", *["index tick with 2 approvals"] * 3, *[""] * 3]
    w.sheet(0, btc_entries(10))
    s.names += [EACH + "sheet entry: risk sheet, an instrument"] * 4
    s.note("flip of a sheet with 2 approvals")
    w.send("withdraw", ALICE, amount_micros=1_000_000)
    s.note("withdraw, after a new sheet: refresh")


def settle(s: Script) -> None:
    """Expiry of a future that two accounts hold."""
    w = s.world
    w.place(ALICE, FUTURE, SELL, 9_020_000, 2, slot=50)
    w.place(BOB, FUTURE, BUY | IOC, 9_020_000, 2)
    for before_s in (1_800, 0):
        at_s = EXPIRY_S - before_s
        w.tick(at_s - w.clock_ms // 1000)
    s.note("")
    w.words.append(encode.settle(instrument=FUTURE))
    s.note("settle, an instrument")
    w.words += [encode.settle(instrument=instrument) for instrument in (CALL, PUT)]
    w.sheet(0, btc_entries(20)[PERPETUAL:])
    s.note("")
    w.send("withdraw", BOB, amount_micros=1_000_000)
    s.note("withdraw, after settlement: refresh, sweep of 1 position")


def write_script() -> Script:
    """Operations of all kinds; `names` has the kind of each, empty for those that only prepare."""
    s = Script()
    for part in (trade, move_money, speak_for_oracle, settle):
        part(s)
    return s


def write_inbox() -> tuple[World, bytes]:
    """A market and what L1 brings into it: a deposit and a key."""
    w = build_market()
    w.machine.end_batch()
    deposit = encode.deposit(account=DAVE, owner=0xA000 + DAVE, amount_micros=1_000_000)
    return w, deposit + encode.set_key_inbox(account=DAVE, slot=1, scope=15, expiry_s=0, x=7, y=9)


def check(world: World, words: bytes) -> list[int]:
    """Reasons of the receipts that the machine gives for words."""
    world.run(int(G.SEQUENCED), words)
    state = world.machine.state
    return [int(state.receipts[4 * k]) for k in range(state.receipt_count)]

"""What an account is worth in a state: what a frozen rollup owes to its owner (spec 08-R33)."""

from dataclasses import dataclass

from miletus.engine import layout as L
from miletus.engine import params as P
from miletus.settlement.replica import Pages

LISTED, SETTLED = 1, 2
"""States of an instrument; a settled one's payoff is fixed."""

INSTRUMENTS_A_PAGE = int(L.PAGE) // int(L.POSITION_RECORD)


@dataclass(frozen=True, slots=True)
class Holding:
    """A position: its lots, negative for a short, and what they are worth."""

    instrument: int
    size_lots: int
    worth_micros: int


@dataclass(frozen=True, slots=True)
class Worth:
    """What an account holds. `owner` is its L1 address, 20 bytes; zero for an account that nobody has."""

    account: int
    owner: bytes
    cash_micros: int
    locked_micros: int
    holdings: tuple[Holding, ...]

    @property
    def total_micros(self) -> int:
        """Its worth; who is worth less than nothing is owed nothing."""
        parts = (holding.worth_micros for holding in self.holdings)
        return self.cash_micros + self.locked_micros + sum(parts)


def compute_worth(pages: Pages, account: int) -> Worth:
    """Add up an account from a state's pages, instrument by instrument."""
    first = account * int(L.ACCOUNT_PAGES)
    header = _read(pages, first)
    holdings = []
    for group in range(int(L.POSITION_PAGES)):
        number = first + int(L.ACCOUNT_POSITIONS) + group * int(L.ACCOUNT_GROUP)
        if number not in pages:
            continue
        page = _read(pages, number)
        for place in range(INSTRUMENTS_A_PAGE):
            size = int(page[place * int(L.POSITION_RECORD) + int(L.POSITION_SIZE)])
            if size:
                instrument = group * INSTRUMENTS_A_PAGE + place
                holdings.append(Holding(instrument, size, size * compute_price(pages, instrument, size)))
    return Worth(
        account=account,
        owner=_read_owner(pages, account),
        cash_micros=int(header[int(L.CASH)]),
        locked_micros=int(header[int(L.LOCKED)]),
        holdings=tuple(holdings),
    )


def compute_price(pages: Pages, instrument: int, size_lots: int) -> int:
    """Micros a lot to who holds so many: payoff, or slow mark, rounded against the holder (05-R10)."""
    page = _read(pages, int(L.INSTRUMENT_REGION) + 2 * instrument)
    if page[int(L.INSTRUMENT_STATE)] == SETTLED:
        return int(page[int(L.PAYOFF)])
    slow, one = int(page[int(L.SLOW_MARK)]), int(P.SLOW_ONE)
    return slow // one if size_lots > 0 else -(-slow // one)


def find_accounts(pages: Pages, owner: bytes) -> list[int]:
    """Accounts of an L1 address, 20 bytes."""
    numbers = (
        number // int(L.ACCOUNT_PAGES)
        for number in pages
        if number < int(L.INSTRUMENT_REGION) and number % int(L.ACCOUNT_PAGES) == int(L.ACCOUNT_HEADER)
    )
    return sorted(account for account in numbers if _read_owner(pages, account) == owner)


def find_silent(pages: Pages, silence_s: int) -> int | None:
    """An underlying that somebody holds, and whose last tick is so long before the machine's clock (08-R34).

    None if there is none.
    """
    clock_s = int(_read(pages, int(L.MACHINE_REGION))[int(L.CLOCK_MS)]) // 1_000
    for underlying in sorted(_find_held(pages)):
        number = int(L.MACHINE_REGION) + int(L.MACHINE_UNDERLYINGS) + underlying
        if clock_s >= int(_read(pages, number)[int(L.TICK_TIME_S)]) + silence_s:
            return underlying
    return None


def _find_held(pages: Pages) -> set[int]:
    """Underlyings of listed instruments with open interest."""
    held = set()
    for number in pages:
        if int(L.INSTRUMENT_REGION) <= number < int(L.MACHINE_REGION) and number % 2 == 0:
            page, book = _read(pages, number), _read(pages, number + 1)
            if page[int(L.INSTRUMENT_STATE)] == LISTED and book[int(L.OPEN_INTEREST)] > 0:
                held.add(int(page[int(L.INSTRUMENT_UNDERLYING)]))
    return held


def _read_owner(pages: Pages, account: int) -> bytes:
    header = _read(pages, account * int(L.ACCOUNT_PAGES))
    limbs = (int(header[int(L.OWNER) + k]) << (int(L.LIMB_BITS) * k) for k in range(4))
    return sum(limbs).to_bytes(20, "big")


def _read(pages: Pages, number: int) -> memoryview:
    """Integers of a page, zeros if it is not there."""
    return memoryview(pages.get(number, bytes(8 * int(L.PAGE)))).cast("q")

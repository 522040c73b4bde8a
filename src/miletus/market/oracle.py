"""The oracle: proposes ticks, listings and sheets, and has m of its n signers approve each.

What it gives is bundles: operations of spec 06 one after the other, each proposal followed by its approvals,
a sheet's entries before its Flip, as the sequencer takes them (spec 09-R13). A bundle is made of what the
oracle believes to be in force; where the exchange refused one, `restore` reads what really is.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from miletus.codec import encode
from miletus.engine.state import State
from miletus.market.errors import MarketError, OracleError
from miletus.market.instruments import Catalogue, Instrument
from miletus.market.names import Terms
from miletus.market.parameters import encode_parameters
from miletus.market.sheet import Entry
from miletus.market.signer import (
    READING_TIMES_S,
    Signer,
    Tolerance,
    compute_held_sheet,
    encode_flip,
    encode_listing,
    encode_sheet,
)
from miletus.market.standing import Ledger, make_ledger, read_ledger
from miletus.market.timeline import Market
from miletus.market.view import compute_cumulative, hold_index, make_parameters
from miletus.native import PrivateKey

SHEET_REFRESH_S: Final = 1_200
"""A sheet is made anew after so many seconds; at SHEET_MAX_AGE_S, 1,800, it would no longer let risk grow."""

SHEET_MOVE_PERMILLE: Final = 10
"""... or when the index has moved by so much since; beyond MOVE_LIMIT_PERMILLE, 50, risk can only fall."""


@dataclass
class Bundle:
    """Operations that belong together, and what was published with them."""

    operations: list[bytes] = field(default_factory=list)
    listed: list[Instrument] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    """Parameters of each sheet, as JSON (`parameters.decode_parameters`)."""
    sheets: list[dict[int, Entry]] = field(default_factory=list)

    @property
    def words(self) -> bytes:
        """All operations, concatenated: what the sequencer takes; empty if there is nothing to send."""
        return b"".join(self.operations)

    def __bool__(self) -> bool:
        return bool(self.operations)

    def extend(self, other: "Bundle") -> None:
        """Put another bundle after this one."""
        self.operations += other.operations
        self.listed += other.listed
        self.published += other.published
        self.sheets += other.sheets


class Oracle:
    """The proposer. `threshold` of `signers` must approve; `market` is what it proposes from."""

    def __init__(self, market: Market, signers: Sequence[Signer], threshold: int, ledger: Ledger) -> None:
        if not 1 <= threshold <= len(signers):
            raise OracleError(
                f"threshold {threshold} of {len(signers)} signers: give 1 to {len(signers)}, as in genesis"
            )
        self.ledger = ledger
        self._market = market
        self._signers = list(signers)
        self._threshold = threshold
        self._references: dict[int, int] = {}

    @property
    def catalogue(self) -> Catalogue:
        """What is listed and not settled."""
        return self.ledger.catalogue

    @property
    def publics(self) -> list[tuple[int, int]]:
        """Public keys of the signers, as genesis takes them."""
        return [signer.public for signer in self._signers]

    def restore(self, state: State) -> None:
        """Believe what the machine's state holds: after a restart, or when a bundle was refused."""
        self.ledger = read_ledger(state, self._market.underlyings)
        for signer in self._signers:
            signer.ledger = read_ledger(state, self._market.underlyings)
        self._references.clear()

    def tick(self, underlying: int, time_s: int, now_s: int | None = None) -> Bundle:
        """Propose the index at a second; `now_s` is the signers' clock if it is another.

        A second of 07:30:00 or 08:00:00 UTC before the last tick becomes a late reading.
        """
        standing = self.ledger.get(underlying)
        index_ticks = hold_index(self._market.get_index(underlying, time_s), standing, time_s)
        cumulative = compute_cumulative(self._market, underlying, standing, time_s)
        proposal = encode.index_tick(
            underlying=underlying, time_s=time_s, index_ticks=index_ticks, cumulative=cumulative
        )
        clock_s = time_s if now_s is None else now_s
        approvals = self._collect(
            lambda signer: signer.approve_tick(underlying, time_s, index_ticks, cumulative, clock_s)
        )
        for ledger in self._ledgers:
            ledger.record_tick(underlying, time_s, index_ticks, cumulative)
        return Bundle([proposal, *approvals])

    def list_missing(self, terms: Iterable[Terms], time_s: int) -> Bundle:
        """Propose every instrument of `terms` that is not listed."""
        bundle = Bundle()
        for each in terms:
            if each not in self.catalogue:
                bundle.extend(self.list_instrument(each, time_s))
        return bundle

    def list_instrument(self, terms: Terms, time_s: int) -> Bundle:
        """Propose one instrument, under the next number."""
        instrument = self.catalogue.propose(terms)
        approvals = self._collect(lambda signer: signer.approve_listing(instrument, time_s))
        for ledger in self._ledgers:
            ledger.catalogue.put(instrument)
        return Bundle([encode_listing(instrument), *approvals], [instrument])

    def is_sheet_due(self, underlying: int, time_s: int) -> bool:
        """Whether the sheet is old, the index has moved, or an instrument is not covered."""
        standing = self.ledger.get(underlying)
        listed = {instrument.number for instrument in self.catalogue.of(underlying)}
        if not listed or not standing.index_ticks or time_s <= standing.sheet_time_s:
            return False
        reference = self._references.get(underlying, 0)
        moved = abs(standing.index_ticks - reference) * 1000 >= reference * SHEET_MOVE_PERMILLE
        return moved or time_s - standing.sheet_time_s >= SHEET_REFRESH_S or not listed <= set(standing.marks)

    def sheet(self, underlying: int, time_s: int) -> Bundle:
        """Propose a sheet of everything that is listed on an underlying, around its last tick."""
        standing, instruments = self.ledger.get(underlying), self.catalogue.of(underlying)
        if not standing.index_ticks or not instruments:
            raise OracleError(f"underlying {underlying}: a sheet needs a tick and an instrument before it")
        parameters = make_parameters(self._market, underlying, time_s, standing.index_ticks, instruments)
        sheet = compute_held_sheet(instruments, parameters, standing)
        entries, published = encode_sheet(underlying, sheet), encode_parameters(parameters)
        flip = encode_flip(parameters, standing, len(sheet))
        approvals = self._collect(lambda signer: signer.approve_sheet(published, entries, flip, time_s))
        marks = {number: entry.mark_ticks for number, entry in sheet.items()}
        for ledger in self._ledgers:
            ledger.record_sheet(underlying, standing.sheet_number + 1, time_s, marks)
        self._references[underlying] = standing.index_ticks
        return Bundle([*entries, flip, *approvals], [], [published], [sheet])

    def settled(self, number: int) -> Instrument:
        """Take note that an instrument was settled: no sheet covers it any more."""
        instrument = self.catalogue[number]
        for ledger in self._ledgers:
            ledger.catalogue.remove(number)
        return instrument

    @property
    def _ledgers(self) -> list[Ledger]:
        return [self.ledger, *(signer.ledger for signer in self._signers)]

    def _collect(self, approve: Callable[[Signer], bytes]) -> list[bytes]:
        """Approvals of `threshold` signers, asked in turn; OracleError with every reason if fewer approve."""
        approvals: list[bytes] = []
        reasons: list[str] = []
        for signer in self._signers:
            if len(approvals) == self._threshold:
                break
            try:
                approvals.append(approve(signer))
            except MarketError as error:
                reasons.append(str(error))
        if len(approvals) < self._threshold:
            raise OracleError(
                f"{len(approvals)} of {len(self._signers)} signers approve, {self._threshold} must: "
                + "; ".join(reasons)
            )
        return approvals


def get_reading_times(after_s: int, until_s: int) -> list[int]:
    """The seconds of 07:30:00 and 08:00:00 UTC after `after_s`, up to and with `until_s`."""
    days = range(after_s // 86_400, until_s // 86_400 + 1)
    times = (day * 86_400 + of_day for day in days for of_day in READING_TIMES_S)
    return [time_s for time_s in times if after_s < time_s <= until_s]


def make_oracle(
    market: Market,
    keys: Sequence[PrivateKey],
    threshold: int,
    domain: int,
    tolerance: Tolerance = Tolerance(),  # noqa: B008 - frozen
    markets: Sequence[Market] | None = None,
) -> Oracle:
    """An oracle with a signer for each key, before its first word.

    `domain` is of the deployment, `miletus.native.domain(chain_id, rollup)`. `markets` gives each signer a
    market of its own; without it all look at `market`.
    """
    views = markets if markets is not None else [market] * len(keys)
    signers = [
        Signer(number, key, domain, view, make_ledger(market.underlyings), tolerance)
        for number, (key, view) in enumerate(zip(keys, views, strict=True))
    ]
    return Oracle(market, signers, threshold, make_ledger(market.underlyings))

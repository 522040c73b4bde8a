"""One account's signed operations: from a request to the words that the sequencer takes (spec 03, 04).

A trader holds a trading key and counts its nonces; it knows nothing of the network. Nonces rise by one, and
the machine allows gaps, so operations can be sent without waiting for the answer to the last.

    trader = Trader(account=16, key_slot=0, key=key, domain=domain(chain_id, rollup), now_s=clock)
    words = trader.place(instrument, Side.BUY, price_ticks=12_500, size_lots=100, slot=3)
"""

from collections.abc import Callable
from typing import Final

from miletus.client.errors import RequestError
from miletus.codec import CodecError, encode, payload_element, with_signature
from miletus.codec.table import WORD_BYTES
from miletus.market.requests import Amend, Place, Request, Side, TimeInForce
from miletus.native import PrivateKey, message

MAX_NONCE: Final = (1 << 40) - 1
"""A nonce has 5 bytes; spec 03."""

DEFAULT_LIFETIME_S: Final = 60
"""How long after it is signed an operation may be ordered; spec 03-R09."""

KEY_SLOT: Final = 0
"""Slot of the trading key that a first deposit binds."""

SCOPE_TRADE: Final = 1
SCOPE_TRANSFER: Final = 2
SCOPE_WITHDRAW: Final = 4
SCOPE_SET_KEY: Final = 8
SCOPE_ALL: Final = SCOPE_TRADE | SCOPE_TRANSFER | SCOPE_WITHDRAW | SCOPE_SET_KEY
"""Bits of a key's scope; spec 03-R07."""


FLAG_MARKET: Final = 1 << 3
FLAG_POST_ONLY: Final = 1 << 4
FLAG_REDUCE_ONLY: Final = 1 << 5
FLAG_REPLACE: Final = 1 << 6


class Trader:
    """Makes and signs the operations of one account with one key.

    Args:
        account: the account's number.
        key_slot: which of the account's four keys this is.
        key: the trading key.
        domain: of the deployment, `miletus.native.domain(chain_id, rollup)`.
        now_s: the exchange's clock, seconds since 1970.
        last_nonce: last nonce that the exchange has seen of this key.
        lifetime_s: how long an operation may wait to be ordered.

    """

    def __init__(
        self,
        *,
        account: int,
        key_slot: int,
        key: PrivateKey,
        domain: int,
        now_s: Callable[[], int],
        last_nonce: int = 0,
        lifetime_s: int = DEFAULT_LIFETIME_S,
    ) -> None:
        self.account = account
        self.key_slot = key_slot
        self.last_nonce = last_nonce
        self.lifetime_s = lifetime_s
        self._key = key
        self._domain = domain
        self._now_s = now_s

    def place(
        self,
        instrument: int,
        side: Side,
        size_lots: int,
        price_ticks: int,
        *,
        slot: int,
        time_in_force: TimeInForce = TimeInForce.GTC,
        market: bool = False,
        post_only: bool = False,
        reduce_only: bool = False,
        replace: bool = False,
        good_for_s: int = 0,
    ) -> bytes:
        """An order. A market order's price is not read; `replace` removes what rests in the slot first.

        Raises:
            RequestError: a value that its field has no room for.

        """
        flags = (
            side
            | time_in_force << 1
            | FLAG_MARKET * market
            | FLAG_POST_ONLY * post_only
            | FLAG_REDUCE_ONLY * reduce_only
            | FLAG_REPLACE * replace
        )
        return self._sign(
            encode.place_order,
            slot=slot,
            instrument=instrument,
            flags=flags,
            price_ticks=price_ticks,
            size_lots=size_lots,
            good_for_s=good_for_s,
        )

    def sign(self, request: Request) -> bytes:
        """What a request of the market's agents says, whichever of their accounts it names: this one's."""
        if isinstance(request, Place):
            return self.place(
                request.instrument,
                request.side,
                request.size_lots,
                request.price_ticks,
                slot=request.slot,
                time_in_force=request.time_in_force,
                market=request.market,
                post_only=request.post_only,
                reduce_only=request.reduce_only,
                replace=request.replace,
                good_for_s=request.good_for_s,
            )
        if isinstance(request, Amend):
            return self.amend(request.slot, request.generation, request.size_lots, request.price_ticks)
        return self.cancel(request.slot)

    def amend(self, slot: int, generation: int, size_lots: int, price_ticks: int) -> bytes:
        """Change a resting order to another price or total size, fills included (04-R18)."""
        return self._sign(
            encode.amend, slot=slot, generation=generation, price_ticks=price_ticks, size_lots=size_lots
        )

    def cancel(self, slot: int, generation: int = 0) -> bytes:
        """Cancel the order of a slot; generation 0 means whichever is there (04-R19)."""
        return self._sign(encode.cancel, mode=0, slot=slot, generation=generation, instrument=0)

    def cancel_instrument(self, instrument: int) -> bytes:
        """Cancel the account's orders in one instrument."""
        return self._sign(encode.cancel, mode=1, slot=0, generation=0, instrument=instrument)

    def cancel_all(self) -> bytes:
        """Cancel all orders of the account."""
        return self._sign(encode.cancel, mode=2, slot=0, generation=0, instrument=0)

    def withdraw(self, amount_micros: int) -> bytes:
        """Pay out to the account's owner on L1."""
        return self._sign(encode.withdraw, amount_micros=amount_micros)

    def transfer(self, to: int, amount_micros: int) -> bytes:
        """Pay to another account."""
        return self._sign(encode.transfer, to=to, amount_micros=amount_micros)

    def set_key(self, slot: int, public: tuple[int, int], scope: int, expiry_s: int = 0) -> bytes:
        """Bind another trading key to the account; (0, 0) removes the one in the slot (03-R14)."""
        x, y = public
        return self._sign(encode.set_key, slot=slot, scope=scope, expiry_s=expiry_s, x=x, y=y)

    def _sign(self, build: Callable[..., bytes], **fields: int) -> bytes:
        if self.last_nonce >= MAX_NONCE:
            raise RequestError(
                f"key {self.key_slot} of account {self.account} has no nonce left: set a new key"
            )
        try:
            words = build(
                account=self.account,
                key=self.key_slot,
                nonce=self.last_nonce + 1,
                valid_until_s=self._now_s() + self.lifetime_s,
                **fields,
            )
        except CodecError as error:
            raise RequestError(f"{error}: change the order") from None
        self.last_nonce += 1
        return sign_words(words, self._key, self._domain)


def sign_words(words: bytes, key: PrivateKey, domain: int) -> bytes:
    """Sign the words of one signed operation (10-R03): its payload, and a SetKey's two key words."""
    x = y = 0
    if len(words) == 5 * WORD_BYTES:
        x, y = (int.from_bytes(words[at * WORD_BYTES : (at + 1) * WORD_BYTES]) for at in (1, 2))
    return with_signature(words, key.sign(message(domain, payload_element(words), x, y)))

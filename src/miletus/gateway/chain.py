"""What L1 has of the batches, for the road of a word (`finality`)."""

from miletus.gateway.finality import OnChain
from miletus.settlement.chain import ChainView
from miletus.settlement.verdicts import Verdicts


class L1Reader:
    """Reads a rollup's batches from L1. All methods may take long: they are for a thread."""

    def __init__(self, view: ChainView) -> None:
        self._view = view
        self._window_s: int | None = None
        self._verdicts = Verdicts(view.rollup, view.start_block)

    @property
    def window_s(self) -> int:
        """Challenge window in seconds; 0 until L1 was read."""
        return self._window_s or 0

    def poll(self) -> dict[int, OnChain]:
        """All batches that L1 has now, by number. Raises L1Error; then nothing changed."""
        if self._window_s is None:
            self._window_s = self._view.rollup.window_s
        self._view.poll()
        self._verdicts.poll()
        final = self._view.finals[-1].number if self._view.finals else 0
        return {
            batch.number: OnChain(
                batch.number,
                "0x" + batch.transaction_hash.hex(),
                batch.block_number,
                batch.committed_at_s,
                batch.number <= final,
                batch.id in self._verdicts.proved,
                batch.proposer.lower() == self._view.rollup.sequencer.lower(),
            )
            for batch in self._view.batches
        }

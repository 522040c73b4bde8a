"""The inbox for the sequencer: deposits, keys and forced operations that are old enough to be consumed.

An entry that a batch consumed and L1 then took back would make that batch impossible to post, so an entry is
given out only when it is `reorg_age_s` old, which the contract asks for too, and some blocks deep.
"""

from miletus.settlement.chain import ChainView, Entry
from miletus.settlement.commitment import WORD

MAX_INBOX_WORDS = 256
"""Inbox words of a batch; spec 08-R05."""


class InboxFollower:
    """Entries of a view that a batch may consume.

    Args:
        view: the view; whoever owns it polls it.
        min_blocks: how many blocks must lie over an entry's block.

    """

    def __init__(self, view: ChainView, min_blocks: int = 2) -> None:
        self.view = view
        self.min_blocks = min_blocks

    def get_ready(self, first: int, max_words: int = MAX_INBOX_WORDS) -> list[Entry]:
        """Entries from index `first` on that a batch opened now may consume, whole ones, in order."""
        head = self.view.head
        ready: list[Entry] = []
        if head is None:
            return ready
        room = max_words
        age_s = self.view.rollup.reorg_age_s
        for entry in self.view.entries[max(first - self.view.first_entry, 0) :]:
            room -= len(entry.words) // WORD
            young = entry.created_at_s + age_s > head.timestamp_s
            if room < 0 or young or entry.block_number + self.min_blocks > head.number:
                break
            ready.append(entry)
        return ready

"""A trader's connection to a sequencer's node, which believes nothing that is not signed.

    async with await connect("127.0.0.1", 8600, deployment, sequencer) as node:
        answers = await node.submit([words, ...])

An answer is checked before it is given out: that it names our own words, and that the sequencer signed it.
One without that is an error, since it promises nothing.
"""

import time
from array import array
from collections.abc import Sequence
from types import TracebackType
from typing import Final

from miletus.client.errors import ClientError
from miletus.sequencer import connection as plain
from miletus.sequencer.answers import Answer
from miletus.sequencer.chain import Deployment
from miletus.sequencer.confirmations import Confirmation, compute_words_hash, hash_pair, recover_signer
from miletus.sequencer.errors import Refused
from miletus.sequencer.frames import SEQUENCED_WORDS, Item

MOST_GROUPS: Final = 256
"""Groups whose signature was checked, that are remembered."""


class WrongNode(ClientError):
    """The node is that of another deployment, or signs as somebody else."""


class BadConfirmation(ClientError):
    """The node answered without the sequencer's word for it."""


class CheckedConnection:
    """A connection whose answers are checked. `plain` is the connection itself, for questions and the feed.

    `latencies_us` has the round trip of each operation that was submitted, in microseconds: from before it is
    sent to after its signed answer was checked.
    """

    def __init__(self, connection: plain.Connection, deployment: Deployment, sequencer: bytes) -> None:
        self.plain = connection
        self.deployment = deployment
        self.sequencer = sequencer
        self.latencies_us = array("d")
        self._checked: dict[tuple[int, bytes], set[bytes]] = {}

    async def submit(self, operations: Sequence[bytes]) -> list[Answer | Refused]:
        """Have signed operations ordered; for each its checked answer, or the node's refusal, in order.

        Raises:
            ConnectionEnded: what became of the operations is not known.
            BadConfirmation: an answer that the sequencer did not sign, or of other words.

        """
        started = time.perf_counter()
        outcomes = await self.plain.submit(operations)
        for outcome, words in zip(outcomes, operations, strict=True):
            self._check(outcome, words)
        self.latencies_us.extend([(time.perf_counter() - started) * 1e6] * len(operations))
        return outcomes

    async def submit_bundle(self, words: bytes) -> list[Answer | Refused]:
        """Have a bundle of the oracle ordered (09-R13); an answer for each operation, or one refusal."""
        outcomes = await self.plain.submit_bundle(words)
        for outcome in outcomes:
            self._check(outcome, None)
        return outcomes

    async def submit_settle(self, word: bytes) -> Answer | Refused:
        """Have a Settle ordered."""
        outcome = await self.plain.submit_settle(word)
        self._check(outcome, word)
        return outcome

    async def close(self) -> None:
        """End the connection."""
        await self.plain.close()

    async def __aenter__(self) -> "CheckedConnection":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _check(self, outcome: Answer | Refused, words: bytes | None) -> None:
        """Check that an answer is the sequencer's word for `words`, or for whatever it names if None."""
        if isinstance(outcome, Refused):
            return
        confirmation = outcome.confirmation
        if words is not None and compute_words_hash(Item(SEQUENCED_WORDS, words)) != confirmation.words_hash:
            raise BadConfirmation(
                f"the node confirmed other words than ours as number {confirmation.number}: keep its answer, "
                "which convicts it"
            )
        if not self._is_signed(confirmation):
            raise BadConfirmation(
                f"the node answered number {confirmation.number} without the sequencer's signature: "
                "it promises nothing; use another node"
            )

    def _is_signed(self, confirmation: Confirmation) -> bool:
        """Whether the sequencer signed it.

        A group's root is checked once, and whatever lies on the way to a checked root is part of that group:
        so of a group's answers each costs about one hash, not one for each level of its tree.
        """
        group = (confirmation.epoch, confirmation.signature)
        nodes = self._checked.get(group)
        node = confirmation.leaf.compute_hash()
        if nodes is not None and node in nodes:
            return True
        way = {node}
        for sibling in confirmation.path:
            way.add(sibling)
            node = hash_pair(node, sibling)
            if nodes is not None and node in nodes:
                nodes |= way
                return True
            way.add(node)
        if recover_signer(self.deployment, confirmation) != self.sequencer:
            return False
        if len(self._checked) >= MOST_GROUPS:
            self._checked.clear()
        self._checked[group] = way
        return True


async def connect(
    host: str, port: int, deployment: Deployment, sequencer: bytes | None = None
) -> CheckedConnection:
    """Connect to a node; `sequencer` is the L1 address that must sign, None takes the node's word for it.

    Raises:
        ConnectionEnded: nobody answers there.
        WrongNode: it is the node of another deployment, or signs as another.

    """
    connection = await plain.connect(host, port)
    try:
        status = await connection.get_status()
        if (status.chain_id, status.rollup) != (deployment.chain_id, deployment.rollup):
            raise WrongNode(
                f"the node at {host}:{port} is of rollup 0x{status.rollup.hex()} on chain {status.chain_id}, "
                f"not 0x{deployment.rollup.hex()} on {deployment.chain_id}: check address and deployment"
            )
        if sequencer is not None and status.sequencer != sequencer:
            raise WrongNode(
                f"the node at {host}:{port} signs as 0x{status.sequencer.hex()}, the rollup's sequencer is "
                f"0x{sequencer.hex()}: connect to that one's node"
            )
    except BaseException:
        await connection.close()
        raise
    return CheckedConnection(connection, deployment, status.sequencer)

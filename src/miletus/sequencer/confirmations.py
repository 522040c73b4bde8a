"""Soft confirmations: the sequencer's signature under what it ordered (09-R03, 09-R11).

One signature serves a group: it is under the root of a Merkle tree whose leaves are the group's items, and
each client gets its leaf's path. Everything is 32-byte words under keccak256, as L1 computes it.
"""

from typing import Final, NamedTuple

import coincurve
import msgspec

from miletus.native import keccak256
from miletus.native.chain import hash_group
from miletus.sequencer.chain import Deployment, encode_parts
from miletus.sequencer.frames import Group, Item

PURPOSE: Final = b"Miletus soft confirmation"
SIGNATURE_BYTES: Final = 65


class Leaf(NamedTuple):
    """One item as it is confirmed: `words` numbers from `number` on, and the chain after the last of them."""

    number: int
    words: int
    time_ms: int
    words_hash: bytes
    running_keccak: bytes

    def compute_hash(self) -> bytes:
        """Hash of the leaf: its five values as 32 bytes each."""
        numbers = (self.number, self.words, self.time_ms)
        words = b"".join(value.to_bytes(32, "big") for value in numbers)
        return keccak256(words + self.words_hash + self.running_keccak)


class Confirmation(msgspec.Struct, frozen=True):
    """What a client holds of the sequencer: a leaf, its path, and the signature under the root.

    `words_hash` is keccak256 of the item's 32-byte parts. The signature is r, s and v (27 or 28).
    """

    epoch: int
    number: int
    words: int
    time_ms: int
    words_hash: bytes
    running_keccak: bytes
    path: tuple[bytes, ...]
    signature: bytes

    @property
    def leaf(self) -> Leaf:
        """The leaf alone."""
        return Leaf(self.number, self.words, self.time_ms, self.words_hash, self.running_keccak)


class Signer:
    """The sequencer's key: `secret` is a scalar of 32 bytes, `address` the L1 address that it answers to."""

    def __init__(self, deployment: Deployment, secret: bytes) -> None:
        self.deployment = deployment
        self._key = coincurve.PrivateKey(secret)
        self.address = compute_address(self._key.public_key)

    def sign_root(self, epoch: int, root: bytes) -> bytes:
        """Sign a group's root; the same for the same root (RFC 6979)."""
        digest = compute_digest(self.deployment, epoch, root)
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((signature[64] + 27,))

    def confirm(self, epoch: int, tree: "GroupTree") -> list[Confirmation]:
        """Confirm the items of a group, which must be synced: a confirmation for each leaf."""
        signature = self.sign_root(epoch, tree.root)
        return [
            Confirmation(epoch, *leaf, tree.get_path(place), signature)
            for place, leaf in enumerate(tree.leaves)
        ]


class GroupTree(NamedTuple):
    """The Merkle tree of a group: `levels` from the hashes of the leaves up to the root."""

    leaves: list[Leaf]
    levels: list[list[bytes]]

    @property
    def root(self) -> bytes:
        """What is signed for the group."""
        return self.levels[-1][0]

    def get_path(self, place: int) -> tuple[bytes, ...]:
        """Siblings of a leaf from its level up; a node without a sibling goes up as it is."""
        path = []
        for level in self.levels:
            if place ^ 1 < len(level):
                path.append(level[place ^ 1])
            place >>= 1
        return tuple(path)


def build_tree(group: Group) -> GroupTree:
    """The tree over the items of a group, which holds the running keccak after each."""
    counts = [item.word_count for item in group.items]
    parts = b"".join([encode_parts(item) for item in group.items])
    hashes = hash_group(parts, counts, group.first_number, group.time_ms, group.running_keccak)
    leaves = []
    number = group.first_number
    for count, words_hash, running in zip(counts, hashes.words, hashes.running, strict=True):
        leaves.append(Leaf(number, count, group.time_ms, words_hash, running))
        number += count
    return GroupTree(leaves, hashes.levels)


def compute_words_hash(item: Item) -> bytes:
    """Hash of an item's words, by which a client knows that it is its own that was ordered."""
    return keccak256(encode_parts(item))


def hash_pair(a: bytes, b: bytes) -> bytes:
    """Hash of an inner node. Its 64 bytes can't be taken for a leaf's 160."""
    return keccak256(a + b if a < b else b + a)


def compute_digest(deployment: Deployment, epoch: int, root: bytes) -> bytes:
    """What is signed: purpose, chain id, rollup, epoch and the group's root, 32 bytes each."""
    return keccak256(keccak256(PURPOSE) + deployment.words + epoch.to_bytes(32, "big") + root)


def recover_signer(deployment: Deployment, confirmation: Confirmation) -> bytes | None:
    """The L1 address that signed a confirmation, 20 bytes; None if it is no signature at all."""
    root = confirmation.leaf.compute_hash()
    for sibling in confirmation.path:
        root = hash_pair(root, sibling)
    signature = confirmation.signature
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        return None
    raw = signature[:64] + bytes((signature[64] - 27,))
    digest = compute_digest(deployment, confirmation.epoch, root)
    try:
        return compute_address(coincurve.PublicKey.from_signature_and_message(raw, digest, hasher=None))
    except Exception:  # coincurve raises a bare Exception for a signature that recovers to no key
        return None


def verify_confirmation(
    deployment: Deployment, confirmation: Confirmation, item: Item, sequencer: bytes
) -> bool:
    """Whether the sequencer of this address confirmed this item of ours."""
    own = compute_words_hash(item) == confirmation.words_hash
    whole = item.word_count == confirmation.words
    return own and whole and recover_signer(deployment, confirmation) == sequencer


def contradict(one: Confirmation, other: Confirmation) -> bool:
    """Whether two confirmations by one signer convict it: they give one number two contents (09-R11)."""
    if one.epoch != other.epoch or one.leaf == other.leaf:
        return False
    return one.number < other.number + other.words and other.number < one.number + one.words


def compute_address(public_key: coincurve.PublicKey) -> bytes:
    """The L1 address of a public key."""
    return keccak256(public_key.format(compressed=False)[1:])[12:]

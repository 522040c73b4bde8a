"""The binding of the Go library: hashes, signatures, trees.

It marshals and checks shapes, and decides nothing. The first call loads the library, the import does not.
"""

from miletus.native.crypto import NativeCrypto, Preparation, prepare, start_prepare
from miletus.native.hashing import (
    FIELD_MODULUS,
    DataBinding,
    absorb_entry,
    absorb_receipts,
    absorb_withdrawal,
    bind_data,
    domain,
    hash7,
    hash15,
    keccak256,
    message,
)
from miletus.native.jobs import Jobs, Started
from miletus.native.library import NativeLibraryError
from miletus.native.off_chain import OffChainCrypto, decode_parts, restore_signatures, strip_signatures
from miletus.native.signatures import PrivateKey, derive_key, verify, verify_many
from miletus.native.tree import Proof, Tree, pack_page, verify_proof

__all__ = [
    "FIELD_MODULUS",
    "DataBinding",
    "Jobs",
    "NativeCrypto",
    "NativeLibraryError",
    "OffChainCrypto",
    "Preparation",
    "PrivateKey",
    "Proof",
    "Started",
    "Tree",
    "absorb_entry",
    "absorb_receipts",
    "absorb_withdrawal",
    "bind_data",
    "decode_parts",
    "derive_key",
    "domain",
    "hash7",
    "hash15",
    "keccak256",
    "message",
    "pack_page",
    "prepare",
    "restore_signatures",
    "start_prepare",
    "strip_signatures",
    "verify",
    "verify_many",
    "verify_proof",
]

"""A deployment in titanoboa with the people who use it, and the calls that tests make most."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boa
import pytest
from eth_abi.abi import decode

from tests.contracts.fixture import get_key
from tests.contracts.precompiles import register_precompiles
from tests.contracts.reference import Commit, Segment, compute_proof

CONTRACTS = Path(os.environ.get("MILETUS_CONTRACTS", Path(__file__).resolve().parents[2] / "contracts"))
"""Where the contracts are; another place when mutants of them are tested."""
SOURCES = Path(__file__).resolve().parent / "sources"

DAY_S = 86_400
ETHER = 10**18
START_S = 1_800_000_000
GENESIS_ROOT = 0x1234
ROLLUP: dict[str, int] = {
    "machine_version": 1,
    "policy": 0,
    "bond_wei": ETHER,
    "window_s": 7 * DAY_S,
    "silence_s": 3_600,
    "max_delay_s": 1_800,
    "reorg_age_s": 60,
    "deadline_s": 7_200,
    "freeze_s": 3 * DAY_S,
    "grace_s": 5_400,
}
EXIT: dict[str, int] = {"claim_s": 30 * DAY_S, "oracle_silence_s": 2 * DAY_S}
DOMAIN = 0xD0
EDGE_INPUTS, OUTBOX_INPUTS, EXIT_INPUTS, SILENCE_INPUTS = 10, 4, 4, 2
VAULT: dict[str, int] = {
    "min_deposit_micros": 1_000_000,
    "max_deposit_micros": 2**40,
    "word_fee_wei": 10**12,
    "account_fee_wei": 10**14,
    "words_per_block": 256,
}
NOBODY = "0x0000000000000000000000000000000000000000"
PEOPLE = ("sequencer", "trader", "proposer", "challenger", "thief")
WEALTH_MICROS = 2**53


@cache
def get_deployer(path: Path) -> Any:
    """A compiled contract, ready to be deployed many times."""
    return boa.load_partial(str(path))


def get_reason(error: boa.BoaError) -> str:
    """The text that a reverted call gave back, from its bytes."""
    output: bytes = error.call_trace.output
    if output[:4] != bytes.fromhex("08c379a0"):
        return f"no reason: 0x{output.hex()}"
    (reason,) = decode(["string"], output[4:])
    return str(reason)


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """What is done within must revert with exactly this reason."""
    with pytest.raises(boa.BoaError) as caught:
        yield
    assert get_reason(caught.value) == reason


def deploy_verifier(count: int) -> Any:
    """The key of the circuit that says nothing, with so many public inputs."""
    register_precompiles()
    return get_deployer(CONTRACTS / "Verifier.vy").deploy(get_key(count)).address


def to_number(address: Any) -> int:
    """An address as the number that words carry."""
    return int(str(address), 16)


class World:
    """Token, vault and rollup, deployed as on L1, and people with ETH and tokens.

    Args:
        token: what to use as the token; a TestToken if None.
        vault, rollup, exit: parameters that differ from the ones above.
        keys: whether there are verifiers; without them every proof is refused.

    """

    def __init__(
        self,
        token: Any = None,
        vault: dict[str, int] | None = None,
        rollup: dict[str, Any] | None = None,
        exit: dict[str, int] | None = None,
        keys: bool = False,
    ) -> None:
        boa.env.timestamp = max(START_S, boa.env.timestamp)
        self.people = {name: boa.env.generate_address(name) for name in PEOPLE}
        self.deployer = boa.env.generate_address("deployer")
        self.token = token if token is not None else get_deployer(CONTRACTS / "TestToken.vy").deploy()
        settings = {"sequencer": self["sequencer"], "genesis_root": GENESIS_ROOT.to_bytes(32, "big")}
        self.rollup_parameters: dict[str, Any] = settings | ROLLUP | (rollup or {})
        self.vault_parameters = VAULT | (vault or {})
        self.exit_parameters = EXIT | (exit or {})
        self.keys = keys
        self.deploy()
        for person in self.people.values():
            boa.env.set_balance(person, 10_000 * ETHER)
            self.token.mint(person, WEALTH_MICROS)
            self.token.approve(self.vault.address, WEALTH_MICROS, sender=person)

    def deploy(self) -> None:
        """All contracts, each naming the others (docs/reference/contracts.md)."""
        rollup, court, exit_address = (boa.env.generate_address(name) for name in ("rollup", "court", "exit"))
        self.vault = get_deployer(CONTRACTS / "Vault.vy").deploy(
            rollup, self.token.address, tuple(self.vault_parameters.values()), sender=self.deployer
        )
        self.rollup = get_deployer(CONTRACTS / "Rollup.vy").deploy(
            self.vault.address,
            court,
            exit_address,
            tuple(self.rollup_parameters.values()),
            sender=self.deployer,
            override_address=rollup,
        )
        counts = (EDGE_INPUTS, OUTBOX_INPUTS, EXIT_INPUTS, SILENCE_INPUTS)
        edge, outbox, exit_key, silence = [deploy_verifier(n) if self.keys else NOBODY for n in counts]
        self.court = get_deployer(CONTRACTS / "Court.vy").deploy(
            rollup, DOMAIN, [edge] if self.keys else [], outbox, override_address=court
        )
        self.exit = get_deployer(CONTRACTS / "Exit.vy").deploy(
            rollup, exit_key, silence, *self.exit_parameters.values(), override_address=exit_address
        )

    def __getitem__(self, name: str) -> Any:
        return self.people[name]

    @property
    def now_s(self) -> int:
        """L1's time."""
        return int(boa.env.timestamp)

    def wait(self, seconds: int) -> None:
        """Let L1 time pass, a block at least."""
        boa.env.timestamp += seconds
        boa.env.evm.patch.block_number += max(1, seconds // 12)

    def get_event(self, contract: Any, name: str) -> Any:
        """The one event of this name in the contract's last call."""
        (event,) = [log for log in contract.get_logs() if type(log).__name__ == name]
        return event

    # ---- users

    def register(self, name: str) -> int:
        """A new account of a person."""
        fee_wei = self.vault_parameters["account_fee_wei"]
        return int(self.vault.register(sender=self[name], value=fee_wei))

    def deposit(self, name: str, account: int, amount_micros: int) -> int:
        """A deposit into anyone's account; returns the entry."""
        fee_wei = self.vault_parameters["word_fee_wei"]
        owner = self.vault.owner_of(account)
        return int(self.vault.deposit(account, owner, amount_micros, sender=self[name], value=fee_wei))

    def set_key(self, name: str, account: int, *key: int) -> int:
        """A SetKey of (slot, scope, expiry_s, x, y); returns the entry."""
        fee_wei = 3 * self.vault_parameters["word_fee_wei"]
        return int(self.vault.set_key(account, *key, sender=self[name], value=fee_wei))

    def force(self, name: str, word: int) -> int:
        """A forced operation; returns the entry."""
        return int(self.vault.force(word, sender=self[name], value=self.vault_parameters["word_fee_wei"]))

    # ---- proposers

    def get_head(self) -> Any:
        """The last batch."""
        return self.rollup.get_batch(self.rollup.head_number())

    def get_old_enough(self) -> int:
        """How many of the waiting entries a batch may consume now."""
        first = self.rollup.head_inbox_end()
        limit_s = self.now_s - self.rollup_parameters["reorg_age_s"]
        count = words = 0
        for entry in range(first, self.vault.entry_count()):
            created_at_s, first_word, end_word, _ = self.vault.get_entry(entry)
            words += end_word - first_word
            if created_at_s > limit_s or words > 256:
                break
            count += 1
        return count

    def draft(self, inbox_count: int | None = None, **changes: Any) -> Commit:
        """The next batch as an honest proposer would make it now, but for `changes`."""
        first = self.rollup.head_inbox_end()
        count = self.get_old_enough() if inbox_count is None else inbox_count
        words = tuple(self.vault.get_words(first, count)) if count else ()
        draft = Commit(
            parent=bytes(self.get_head().id),
            time_s=self.now_s,
            inbox_count=count,
            inbox=Segment(words, h=11, root=12, accumulator=0),
        )
        return draft.changed(**changes)

    def send(self, name: str, data: bytes, value_wei: int | None = None, to: Any = None) -> Any:
        """A call with this data, of the rollup with its bond; raises boa.BoaError when it reverts."""
        contract = self.rollup if to is None else to
        value_wei = self.rollup.next_bond_wei() if value_wei is None else value_wei
        computation = boa.env.execute_code(
            to_address=contract.address,
            sender=self[name],
            value=value_wei,
            data=data,
            contract=contract,
        )
        contract.marshal_to_python(computation, None)
        return computation

    def commit(self, name: str = "sequencer", draft: Commit | None = None, **changes: Any) -> Commit:
        """Commit a batch; returns what was committed."""
        commit = draft if draft is not None else self.draft(**changes)
        self.send(name, commit.encode())
        return commit

    def finalize_all(self) -> int:
        """Wait until every batch's window has passed and make all final."""
        self.wait(self.rollup_parameters["window_s"])
        return int(self.rollup.finalize(64))

    def claim(
        self, number: int, outbox: tuple[tuple[int, int], ...], index: int, name: str = "trader"
    ) -> None:
        """Claim a withdrawal for its owner."""
        owner, amount_micros = outbox[index]
        proof = compute_proof(outbox, index)
        address = f"0x{owner:040x}"
        self.rollup.claim(number, index, address, amount_micros, proof, sender=self[name])

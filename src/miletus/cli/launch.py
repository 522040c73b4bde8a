"""Founding a system: L1, keys, the first state, the contracts, and the files that say where all is."""

import os
import shutil
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from miletus.cli.config import Config
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder, is_running, read_command
from miletus.cli.roles.batcher import DEVELOPMENT_DEPTH, WALLET
from miletus.market.names import UNDERLYINGS
from miletus.prover import Prover
from miletus.settlement.anvil import HOST, Anvil, find_anvil
from miletus.settlement.contracts import find_artefacts
from miletus.settlement.deployment import Deployment, deploy
from miletus.settlement.genesis import Genesis
from miletus.settlement.keys import NO_KEYS, VerifyingKeys, export_keys
from miletus.settlement.l1 import RollupParameters, VaultParameters
from miletus.settlement.node import L1Node
from miletus.settlement.sender import FeePolicy, Sender, open_store

ETHER = 10**18

L1_PROCESS = "anvil"
"""Name of an L1 of our own among a system's processes."""

OPERATOR_WEI = 100_000 * ETHER
"""What the operator's wallet is given on a development chain; bonds are locked from it."""

LEAST_DISK_BYTES = 512 << 20
"""Free space that a system wants at its start: the log's files are filled beforehand."""

LEFT_OVER_SECONDS = 30.0

POLICIES = ("optimistic", "zk", "hybrid")
"""Policies by their numbers on L1 (08-R31)."""

KEPT_STATES = 64
"""Blocks whose states an L1 of our own keeps: whoever polls it asks for those of the last few."""

logger = structlog.get_logger(__name__)


def check_tools(*, own_l1: bool) -> None:
    """See that what a system runs on is there; an error names what is missing and how to get it."""
    from miletus.native import keccak256

    keccak256(b"")  # loads the Go library, or says that it is missing
    find_artefacts()
    if own_l1:
        find_anvil()


def check_disk(folder: Path, least_bytes: int = LEAST_DISK_BYTES) -> None:
    """Raise CliError if the disk under a folder has too little room to begin."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < least_bytes:
        raise CliError(
            f"the disk under {folder} has {free >> 20} MiB free, a system needs {least_bytes >> 20}: "
            "free some space, or choose another --folder"
        )


def check_port(port: int, option: str, host: str = HOST) -> None:
    """Raise CliError if something listens on a port that a system is to listen on; 0 is any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CliError(
                f"port {port} of {host} can't be used ({error.strerror}): stop what listens there, or choose "
                f"another {option}"
            ) from None


def stop_left_over(folder: Folder) -> None:
    """Stop the L1 of a system in this folder that was killed before it could; one that runs is left alone."""
    system = folder.read_system(required=False)
    if system is not None and system.pid and is_running(system.pid):
        return
    pid = system.processes.get(L1_PROCESS) if system is not None else None
    if system is None or pid is None or not is_running(pid):
        return
    port = system.l1_url.rpartition(":")[2]
    command = read_command(pid)
    if command and command[0].endswith("anvil") and port in command:
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + LEFT_OVER_SECONDS  # it writes its chain before it ends
        while is_running(pid) and time.monotonic() < end:
            time.sleep(0.05)
        logger.info("stopped the L1 that an earlier run left", process=pid)


def start_anvil(folder: Folder, *, port: int | None, start_s: int | None, keep: bool) -> Anvil:
    """Start a development L1 that mines each transaction at once; `keep` its chain over a stop."""
    path = folder.path / "anvil.json" if keep else None
    if path is not None and path.exists():
        keep_first_block(path)
    return Anvil(
        port=port or None,
        state_path=path,
        log_path=folder.logs / "anvil.log",
        timestamp_s=start_s if path is None or not path.exists() else None,
        # what it writes at its end is mostly old states, and nobody asks for those
        arguments=("--prune-history", str(KEPT_STATES)) if keep else (),
    )


def keep_first_block(path: Path) -> None:
    """Take the blocks of number 0 that later starts added out of anvil's file of its chain.

    Each start makes a first block of its own beside the ones that it reads, writes all of them at its end,
    and would take any of them for the chain's at the start after. The chain's own is the oldest.

    Raises:
        CliError: the file is no chain of anvil's.

    """
    try:
        chain = msgspec.json.decode(path.read_bytes())
        blocks = chain["blocks"]
        firsts = [block for block in blocks if int(block["header"]["number"], 16) == 0]
        own = min(firsts, key=lambda block: int(block["header"]["timestamp"], 16))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise CliError(f"{path} is damaged: restore it from a copy, or begin anew with --fresh") from None
    if len(firsts) > 1:
        chain["blocks"] = [block for block in blocks if block is own or block not in firsts]
        draft = path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(chain))
        draft.replace(path)


def make_genesis(folder: Folder, config: Config, clock_ms: int) -> Genesis:
    """Make the first state: the oracle's public keys, and the clock. Its file is published."""
    signers = tuple(folder.get_signer(number).public for number in range(config.oracle.signers))
    genesis = Genesis(signers, config.oracle.threshold, len(UNDERLYINGS), clock_ms)
    genesis.save(folder.genesis_path)
    return genesis


def export_all_keys(sizes: tuple[str, ...]) -> VerifyingKeys:
    """The keys of a deployment with these sizes of edges, made at the first use; none for no size."""
    if not sizes:
        return NO_KEYS
    with Prover(setup=True, say=lambda line: logger.info("prover", told=line)) as prover:
        return export_keys(prover, sizes, ("outbox", "exit", "silence"))


def deploy_contracts(folder: Folder, config: Config, l1: L1Node, genesis: Genesis) -> Deployment:
    """Deploy token, vault and rollup with the operator's wallet, which must be able to pay."""
    wallet = folder.get_wallet(WALLET)
    if l1.get_balance(wallet.address) == 0:
        raise CliError(
            f"the operator's wallet {wallet.address} has no ETH on chain {l1.get_chain_id()}: send it some, "
            "then start again"
        )
    store = open_store(folder.subfolder("batcher") / "intents.db", l1, wallet.address)
    try:
        sender = Sender(l1, wallet, store, replace(FeePolicy(), depth=DEVELOPMENT_DEPTH))
        choice = config.rollup
        parameters = RollupParameters(
            sequencer=wallet.address,
            genesis_root=genesis.compute_root(),
            window_s=choice.window_s,
            reorg_age_s=choice.reorg_age_s,
            max_delay_s=choice.max_delay_s,
            deadline_s=choice.deadline_s,
            bond_wei=choice.bond_wei,
            policy=POLICIES.index(choice.policy),
        )
        keys = export_all_keys(config.proofs.sizes)
        vault = VaultParameters(words_per_block=256)
        deployment = deploy(sender, parameters, vault, keys=keys, fee_wei=choice.fee_wei)
    finally:
        store.close()
    deployment.save(folder.deployment_path)
    return deployment

"""The development L1: an anvil process of our own, its clock, its miner and its reorganisations."""

import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from miletus.settlement.errors import AnvilError, L1Error, L1Unreachable
from miletus.settlement.node import MOVED_TIME, L1Node
from miletus.settlement.rpc import JsonRpc

MNEMONIC = "test test test test test test test test test test test junk"
"""The mnemonic that every development chain uses; its accounts are worth nothing anywhere else."""

HOST = "127.0.0.1"

START_SECONDS = 30.0
"""Longest wait for the process to answer."""


def find_anvil(root: Path | None = None) -> Path:
    """The anvil that `make setup` installed, looked for from here upwards.

    Raises:
        AnvilError: there is none.

    """
    start = root if root is not None else Path(__file__).resolve().parent
    for folder in (start, *start.parents, Path.cwd()):
        for name in ("node_modules/.bin/anvil", "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"):
            if (folder / name).is_file():
                return folder / name
    raise AnvilError("anvil is not installed; run make setup")


def find_free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def derive_account(index: int) -> LocalAccount:
    """Development account number `index`; each of the first ones holds 10,000 ETH on anvil."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


class AnvilControl:
    """What can be done to a running anvil: time, mining, reorganisations, snapshots."""

    def __init__(self, rpc: JsonRpc) -> None:
        self.rpc = rpc

    def mine(self, blocks: int = 1, interval_seconds: int = 1) -> None:
        """Mine blocks, `interval_seconds` apart."""
        self.rpc.call("anvil_mine", [hex(blocks), hex(interval_seconds)])

    def set_automine(self, enabled: bool) -> None:
        """Mine every transaction at once, or only when told."""
        self.rpc.call("evm_setAutomine", [enabled])

    def set_interval_mining(self, seconds: int) -> None:
        """Mine a block every so many seconds; 0 stops that."""
        self.rpc.call("evm_setIntervalMining", [seconds])

    def increase_time(self, seconds: int) -> None:
        """Move the clock on and mine a block that shows it."""
        self.rpc.call("evm_increaseTime", [seconds])
        self.rpc.call("evm_mine")

    def set_next_timestamp(self, timestamp_s: int) -> None:
        """Timestamp of the next block, seconds; must not go back."""
        self.rpc.call("evm_setNextBlockTimestamp", [timestamp_s])

    def set_next_base_fee(self, wei: int) -> None:
        """Base fee of the next block."""
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", [hex(wei)])

    def set_balance(self, account: str, wei: int) -> None:
        """Give an account a balance."""
        self.rpc.call("anvil_setBalance", [account, hex(wei)])

    def reorganise(self, depth: int, transactions: list[tuple[bytes, int]] | None = None) -> None:
        """Replace the last `depth` blocks by others; what was in them is forgotten, not put back to wait.

        Args:
            depth: how many blocks.
            transactions: (raw transaction, which of the new blocks it goes into) of the other branch.

        """
        pairs = [["0x" + raw.hex(), block] for raw, block in transactions or []]
        self.rpc.call("anvil_reorg", [depth, pairs])

    def roll_back(self, depth: int) -> None:
        """Forget the last `depth` blocks, with nothing in their place."""
        self.rpc.call("anvil_rollback", [depth])

    def drop_transactions(self) -> None:
        """Forget everything that waits."""
        self.rpc.call("anvil_dropAllTransactions")

    def snapshot(self) -> str:
        """Remember everything; a name for `revert`."""
        return str(self.rpc.call("evm_snapshot"))

    def revert(self, name: str) -> None:
        """Go back to a snapshot, which is used up."""
        if self.rpc.call("evm_revert", [name]) is not True:
            raise AnvilError(f"anvil has no snapshot {name}")


class Anvil:
    """An anvil process; also a context manager.

    Args:
        port: where it listens; a free one if None.
        block_time_seconds: mine on a clock; None mines each transaction at once.
        mining: False mines only when told.
        chain_id: the chain's id.
        state_path: file that keeps the chain over a restart.
        log_path: where its output goes; nowhere if None.
        timestamp_s: time of the first block.
        arguments: further command line arguments.

    Raises:
        AnvilError: not installed, the port is in use, or it did not start.

    """

    def __init__(
        self,
        *,
        port: int | None = None,
        block_time_seconds: float | None = None,
        mining: bool = True,
        chain_id: int = 31_337,
        state_path: Path | None = None,
        log_path: Path | None = None,
        timestamp_s: int | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.port = port if port is not None else find_free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._log_path = log_path
        self._log: IO[bytes] | None = None
        command = [str(find_anvil()), "--host", HOST, "--port", str(self.port), "--chain-id", str(chain_id)]
        if log_path is None:
            command.append("--silent")
        if not mining:
            command.append("--no-mining")
        if block_time_seconds is not None:
            command += ["--block-time", f"{block_time_seconds:g}"]
        if state_path is not None:
            command += ["--state", str(state_path), "--preserve-historical-states"]
        if timestamp_s is not None:
            command += ["--timestamp", str(timestamp_s)]
        self._command = [*command, *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def connect(self, **options: Any) -> L1Node:
        """A client that accepts a moved clock."""
        return L1Node.connect(self.url, MOVED_TIME, **options)

    def control(self) -> AnvilControl:
        """A client for time, mining and reorganisations."""
        return AnvilControl(JsonRpc(self.url, timeout_seconds=60.0))

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError:
                raise AnvilError(
                    f"port {self.port} is in use; stop what listens there or choose another port"
                ) from None
        self._log = self._log_path.open("ab") if self._log_path is not None else None
        output = self._log if self._log is not None else subprocess.DEVNULL
        try:
            # a session of its own, so that Ctrl-C reaches us first and anvil is stopped in order
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            raise AnvilError(f"anvil does not start: {error.strerror}; run make setup") from None
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop the process; with a state file, after it has written it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> "Anvil":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        with JsonRpc(self.url, timeout_seconds=2.0, attempts=1) as rpc:
            while True:
                assert self._process is not None
                status = self._process.poll()
                if status is not None:
                    self.stop()
                    where = f"; see {self._log_path}" if self._log_path else ""
                    raise AnvilError(f"anvil ended at once with status {status} on port {self.port}{where}")
                try:
                    rpc.call("eth_chainId")
                except L1Unreachable:
                    if time.monotonic() > end:
                        self.stop()
                        raise AnvilError(f"anvil does not answer after {START_SECONDS:g} s") from None
                    time.sleep(0.03)
                except L1Error as error:
                    self.stop()
                    raise AnvilError(f"what listens on port {self.port} is not anvil: {error}") from None
                else:
                    return

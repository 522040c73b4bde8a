"""The folder of a system: everything that one deployment keeps on this machine.

system.json       what runs here: addresses, process ids, how time passes
genesis.json      the published first state
deployment.json   where the contracts are
keys/             wallets and secrets, readable by their owner alone
node/ batcher/ watchtower/ market/    what each process keeps
logs/             what each process tells, as lines of JSON
clock             the shared clock of a demonstration
"""

import fcntl
import os
import secrets
import shutil
from io import TextIOWrapper
from pathlib import Path

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from miletus.cli.clock import Clock, SharedClock, get_real_time_ms
from miletus.cli.config import Config
from miletus.cli.errors import CliError
from miletus.native import PrivateKey, derive_key

DEFAULT_FOLDER = Path(".miletus")

MARKER = "folder-of-miletus"
"""File that every folder of ours has; one without it is never removed."""


class SystemFile(msgspec.Struct, frozen=True):
    """What runs: where L1 and the node answer, the processes by name, and where they tell of their health."""

    l1_url: str
    chain_id: int
    node_host: str
    node_port: int
    sequencer: str
    is_simulated: bool
    pid: int
    processes: dict[str, int] = {}
    health: dict[str, str] = {}


class Folder:
    """A system's folder; nothing is made until something is written."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.genesis_path = self.path / "genesis.json"
        self.deployment_path = self.path / "deployment.json"
        self.system_path = self.path / "system.json"
        self.config_path = self.path / "config.json"
        self.clock_path = self.path / "clock"
        self.logs = self.path / "logs"
        self.keys = self.path / "keys"

    def create(self, *, fresh: bool = False) -> None:
        """Make the folder; with `fresh` remove what an earlier system left in it.

        Raises:
            CliError: the folder holds something else, or its system runs.

        """
        if self.path.exists() and any(self.path.iterdir()):
            if not (self.path / MARKER).exists():
                raise CliError(f"{self.path} holds files of something else: choose another --folder")
            self.check_idle()
            if fresh:
                shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / MARKER).touch()
        self.logs.mkdir(exist_ok=True)
        self.keys.mkdir(mode=0o700, exist_ok=True)

    def check_idle(self) -> None:
        """Raise CliError if a system runs in this folder."""
        system = self.read_system(required=False)
        if system is not None and system.pid not in (0, os.getpid()) and is_running(system.pid):
            raise CliError(
                f"a system runs in {self.path} already (process {system.pid}): stop it, or choose another "
                "--folder"
            )

    def subfolder(self, name: str) -> Path:
        """A folder of one process, made if it is not there."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    # ---- what runs

    def read_system(self, *, required: bool = True) -> SystemFile | None:
        """What runs here. CliError if it is required and there is no system, or its file is damaged."""
        try:
            return msgspec.json.decode(self.system_path.read_bytes(), type=SystemFile)
        except FileNotFoundError:
            if required:
                raise CliError(
                    f"no system in {self.path}: start one with miletus up, or give its --folder"
                ) from None
            return None
        except msgspec.DecodeError:
            raise CliError(f"{self.system_path} is damaged: start the system again") from None

    def get_running(self) -> SystemFile:
        """What runs here. CliError unless it does run."""
        system = self.read_system()
        assert system is not None
        if not system.pid or not is_running(system.pid):
            raise CliError(f"the system in {self.path} has stopped: start it again with miletus up")
        return system

    def write_system(self, system: SystemFile) -> None:
        """Say what runs; whole or not at all."""
        draft = self.system_path.with_suffix(".draft")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(system), indent=2) + b"\n")
        draft.replace(self.system_path)

    def mark_stopped(self) -> None:
        """Say that nothing runs any more; what can be read without it stays."""
        system = self.read_system(required=False)
        if system is not None:
            self.write_system(msgspec.structs.replace(system, pid=0, processes={}, health={}))

    def write_config(self, config: Config) -> None:
        """Keep what the system is set up with, for its processes; addresses in it may have passwords."""
        write_private(self.config_path, msgspec.json.format(msgspec.json.encode(config), indent=2).decode())

    def read_config(self) -> Config:
        """What the system is set up with. CliError if the file is missing or damaged."""
        try:
            return msgspec.json.decode(self.config_path.read_bytes(), type=Config)
        except (OSError, msgspec.DecodeError):
            raise CliError(f"{self.config_path} is missing or damaged: start the system again") from None

    def open_clock(self, *, simulated: bool) -> Clock:
        """The exchange's clock: the shared one of a simulation, or real time."""
        return SharedClock(self.clock_path) if simulated else get_real_time_ms

    # ---- keys

    def get_secret(self, name: str) -> bytes:
        """Thirty-two secret bytes of that name, made at the first call. CliError if the file is damaged."""
        path = self.keys / name
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        text = path.read_text().strip().removeprefix("0x")
        if len(text) != 64 or not set(text.lower()) <= set("0123456789abcdef"):
            raise CliError(f"{path}: not 32 bytes in hex: restore the key from a copy")
        return bytes.fromhex(text)

    def put_secret(self, name: str, secret: bytes) -> None:
        """Keep a secret that was made elsewhere."""
        write_private(self.keys / name, secret.hex())

    def get_wallet(self, name: str) -> LocalAccount:
        """A wallet of the system, made at the first call."""
        wallet: LocalAccount = Account.from_key(self.get_secret(f"wallet-{name}"))
        return wallet

    def get_signer(self, number: int) -> PrivateKey:
        """The key of an oracle signer, made at the first call."""
        return derive_key(self.get_secret(f"signer-{number}"))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")


def lock_folder(folder: Path, what: str) -> TextIOWrapper:
    """Hold a process's folder until the returned file is closed. CliError if another process does."""
    file = (folder / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise CliError(f"{folder}: a {what} runs here already (process {owner}): stop it first") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def read_command(pid: int) -> list[str]:
    """The command line of a process, empty if it can't be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def is_running(pid: int) -> bool:
    """Whether there is a process of this id that is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"

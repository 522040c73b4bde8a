"""A system of processes around one folder, started and stopped in order."""

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence

from miletus.cli.channel import Fields
from miletus.cli.clock import Clock, SharedClock
from miletus.cli.config import Config
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder, SystemFile, is_running
from miletus.cli.launch import L1_PROCESS, OPERATOR_WEI, deploy_contracts, make_genesis, start_anvil
from miletus.cli.roles.batcher import WALLET
from miletus.cli.supervisor import Child, Supervisor, get_command
from miletus.cli.telemetry import PLACE, SERVICE
from miletus.settlement.anvil import Anvil, AnvilControl
from miletus.settlement.deployment import Deployment
from miletus.settlement.genesis import Genesis
from miletus.settlement.node import MOVED_TIME, HeadRules, L1Node

HOST = "127.0.0.1"

WAIT_SECONDS = 240.0
"""Longest wait for something that takes seconds; a loaded machine takes its time."""

SERVICES = (
    *("node", "batcher", "watchtower", "oracle", "maker", "takers", "gateway", "indexer"),
    *("prover", "challenger"),
)
"""Processes in the order of their ports of metrics; another one has the port after these."""


class System:
    """What runs in a folder; a context manager that stops everything it started.

    Args:
        folder: the folder, made already.
        config: what it is set up with.
        report: called with a process's name and what it reports, from other threads.
        is_simulated: whether time is not the real one.
        pace_seconds: an L1 of its own mines every so many seconds once the system is founded; None mines
            each transaction at once.

    """

    def __init__(
        self,
        folder: Folder,
        config: Config,
        report: Callable[[str, Fields], None],
        *,
        is_simulated: bool,
        pace_seconds: int | None = None,
    ) -> None:
        self.folder = folder
        self.config = config
        self.is_simulated = is_simulated
        self.pace_seconds = pace_seconds
        self.supervisor = Supervisor(folder.logs, report)
        self.anvil: Anvil | None = None
        self.clock: Clock | None = None
        self._l1: L1Node | None = None
        self.deployment: Deployment | None = None
        self.genesis: Genesis | None = None
        self._processes: dict[str, int] = {}
        self._node_port = config.node.port

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def l1(self) -> L1Node:
        """A client of L1."""
        assert self._l1 is not None
        return self._l1

    @property
    def control(self) -> AnvilControl:
        """What can be done to an L1 of our own. CliError if it is another's."""
        if self.anvil is None:
            raise CliError("this L1 is not ours to move: its time passes by itself")
        return self.anvil.control()

    # ---- founding

    def start_l1(self, start_s: int | None = None) -> L1Node:
        """Start L1, or connect to the one that is configured."""
        config = self.config.l1
        rules = MOVED_TIME if self.is_simulated else HeadRules()
        url = config.rpc
        if not url:
            keep = self.pace_seconds is not None
            self.anvil = start_anvil(self.folder, port=config.port, start_s=start_s, keep=keep)
            url = self.anvil.url
            assert self.anvil.pid is not None
            self._processes[L1_PROCESS] = self.anvil.pid
        self._l1 = L1Node.connect(url, rules)
        return self._l1

    def found(self, clock_ms: int) -> Deployment:
        """Make the first state and deploy the contracts, unless the folder has a deployment already."""
        folder = self.folder
        folder.write_config(self.config)
        if folder.deployment_path.exists():
            self.genesis = Genesis.load(folder.genesis_path)
            self.deployment = Deployment.load(folder.deployment_path)
            self.deployment.check(self.l1)
        else:
            self.genesis = make_genesis(folder, self.config, clock_ms)
            if self.anvil is not None:
                self.control.set_balance(folder.get_wallet(WALLET).address, OPERATOR_WEI)
            self.deployment = deploy_contracts(folder, self.config, self.l1, self.genesis)
        if self.is_simulated:
            self.clock = SharedClock.create(folder.clock_path, clock_ms)
        else:
            self.clock = folder.open_clock(simulated=False)
        self.write_system()
        return self.deployment

    def write_system(self) -> None:
        """Say in the folder what runs."""
        children = {name: child.pid for name, child in self.supervisor.children.items()}
        self.folder.write_system(
            SystemFile(
                l1_url=self.l1.rpc.url,
                chain_id=self.l1.get_chain_id(),
                node_host=HOST,
                node_port=self._node_port,
                sequencer=str(self.folder.get_wallet(WALLET).address),
                is_simulated=self.is_simulated,
                pid=os.getpid(),
                processes={**self._processes, **children},
                health={
                    name: f"http://{self.config.metrics.host}:{child.ready['metrics_port']}/health"
                    for name, child in self.supervisor.children.items()
                    if "metrics_port" in child.ready
                },
            )
        )

    # ---- processes

    def start_role(self, name: str, *arguments: str, role: str | None = None) -> Child:
        """Start a role that reads this folder."""
        command = get_command(
            "run", role or name, "--folder", str(self.folder.path), "--supervised", *arguments
        )
        return self.start_process(name, command)

    def start_process(self, name: str, command: Sequence[str]) -> Child:
        """Start one of the system's processes; it serves health and metrics if that is configured."""
        metrics = self.config.metrics
        environment = {SERVICE: name}
        if metrics.run:
            place = SERVICES.index(name) if name in SERVICES else len(SERVICES)
            environment[PLACE] = f"{metrics.host}:{metrics.port + place if metrics.port else 0}"
        return self.supervisor.start(name, command, environment)

    def set_pace(self) -> None:
        """Have an L1 of our own mine on a clock from now on, if that is wanted."""
        if self.anvil is not None and self.pace_seconds is not None:
            self.control.set_interval_mining(self.pace_seconds)

    def start_core(self, poll_seconds: float) -> None:
        """Start node, batcher and watchtower, and wait until they work."""
        node = self.config.node
        assert self.deployment is not None
        self.start_role(
            "node",
            *("--port", str(node.port)),
            *("--batch-seconds", str(node.batch_seconds), "--batch-words", str(node.batch_words)),
        )
        self.start_role("batcher", "--poll-seconds", str(poll_seconds))
        self.start_watchtower(poll_seconds)
        self.supervisor.wait_ready("node", "batcher", "watchtower")
        self._node_port = int(self.node.ready["port"])
        self.write_system()

    def start_watchtower(self, poll_seconds: float) -> Child:
        """Start the watchtower, which is given L1's address, the rollup's, and the published first state."""
        assert self.deployment is not None
        command = get_command(
            "watchtower",
            *("--rpc", self.l1.rpc.url, "--rollup", self.deployment.rollup),
            *("--genesis", str(self.folder.genesis_path), "--start-block", str(self.deployment.start_block)),
            *("--snapshot", str(self.folder.path / "watchtower")),
            *("--report", str(self.folder.path / "watchtower.json")),
            *("--poll-seconds", str(poll_seconds), "--supervised"),
            *(("--moved-time",) if self.is_simulated else ()),
        )
        return self.start_process("watchtower", command)

    def start_prover(self, poll_seconds: float) -> Child:
        """Start the prover, which is given what the watchtower is, and a wallet of its own."""
        assert self.deployment is not None
        prover = self.config.prover
        command = get_command(
            "challenge",
            *("--rpc", self.l1.rpc.url, "--rollup", self.deployment.rollup),
            *("--genesis", str(self.folder.genesis_path), "--start-block", str(self.deployment.start_block)),
            *("--folder", str(self.folder.path), "--own-wallet", "--poll-seconds", str(poll_seconds)),
            *("--prove", prover.prove, "--least-bounty", prover.least_bounty_eth, "--size", prover.size),
            *("--side-by-side", str(prover.side_by_side), "--niceness", str(prover.niceness)),
            *(("--mint",) if self.anvil is not None else ()),
            *(("--moved-time",) if self.is_simulated else ()),
            "--supervised",
        )
        return self.start_process("prover", command)

    def start_gateway(self) -> Child:
        """Start the gateway, for the wallet that the system keeps; it waits for that one's account."""
        gateway = self.config.gateway
        command = get_command(
            "gateway",
            *("--folder", str(self.folder.path), "--host", gateway.host, "--port", str(gateway.port)),
            *("--orders-per-second", str(gateway.orders_per_second), "--supervised"),
            *(text for name in gateway.allow_hosts for text in ("--allow-host", name)),
            *(text for name in gateway.allow_origins for text in ("--allow-origin", name)),
            *(("--page", gateway.page) if gateway.page else ()),
        )
        return self.start_process("gateway", command)

    def start_indexer(self) -> Child:
        """Start the indexer; it reads its database's address, which may have a password, in the folder."""
        command = get_command("index", "--folder", str(self.folder.path), "--supervised")
        return self.start_process("indexer", command)

    @property
    def node(self) -> Child:
        """The sequencer's node."""
        return self.supervisor.children["node"]

    def check(self) -> None:
        """Raise CliError if a process, or an L1 of our own, ended without being asked to."""
        if self.anvil is not None and self.anvil.pid is not None and not is_running(self.anvil.pid):
            raise CliError(
                f"the system's L1 ended; see {self.folder.logs / 'anvil.log'}, and start again: what was "
                "confirmed is in the node's log"
            )
        self.supervisor.check()

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait until something holds. CliError if a process ends meanwhile, or it takes too long."""
        end = time.monotonic() + seconds
        while not condition():
            self.check()
            if time.monotonic() > end:
                raise CliError(f"{what} did not happen within {seconds:g} s; see {self.folder.logs}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop everything, the last started first, L1 at the end; Ctrl-C does not interrupt that."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.supervisor.stop()
        if self._l1 is not None:
            self._l1.close()
            self._l1 = None
        if self.anvil is not None:
            self.anvil.stop()
            self.anvil = None
        if self.folder.system_path.exists():
            self.folder.mark_stopped()

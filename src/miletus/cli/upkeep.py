"""A system that keeps running: started, its market moved along with time, stopped in order."""

import time
from datetime import UTC, datetime

import structlog

from miletus.cli.actors import ActorsFile, fund_actor, open_bridge
from miletus.cli.channel import Fields
from miletus.cli.config import Config
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.launch import ETHER
from miletus.cli.output import Output, format_price
from miletus.cli.person import OWN_WALLET
from miletus.cli.roles.traders import MAKER, TAKERS
from miletus.cli.system import System
from miletus.gateway.page import find_page

MICROS = 1_000_000
MAKER_ACCOUNTS = 4
OWN_USDC = 100_000
"""What the wallet that a development system keeps for its user is given, on L1."""

POLL_SECONDS = 1.0
STOP_SECONDS = 20.0
"""How long a stopping system waits for its last batch to be posted."""

RETRY_SECONDS = 30.0
"""After this long without a step that worked, the system gives up."""

logger = structlog.get_logger(__name__)


class Upkeep:
    """Runs a system until it is told to stop."""

    def __init__(self, folder: Folder, config: Config, output: Output) -> None:
        self.folder = folder
        self.config = config
        self.output = output
        self.is_simulated = bool(config.market.chains)
        pace = config.l1.block_time_seconds
        self.system = System(
            folder, config, self._on_report, is_simulated=self.is_simulated, pace_seconds=pace
        )
        self._latest: dict[str, Fields] = {}
        self._told: dict[str, str] = {}

    def run(self, start_ms: int) -> None:
        """Start everything, keep it going, and stop it in order when interrupted."""
        system = self.system
        with system:
            try:
                self._start(start_ms)
                self._keep_going()
            finally:
                self._post_last_batch()

    def _start(self, start_ms: int) -> None:
        system, output = self.system, self.output
        l1 = system.start_l1(start_ms // 1000 if self.is_simulated else None)
        deployment = system.found(start_ms)
        if system.anvil is not None:
            self._fund()
        system.set_pace()
        system.start_core(POLL_SECONDS)
        system.start_role("oracle")
        system.supervisor.wait_ready("oracle")
        actors = ActorsFile(self.folder).read()
        self._wait_for_inbox(2 * len(actors))
        for name in (MAKER, TAKERS):
            if any(actor.role == name for actor in actors):
                system.start_role(name)
                system.supervisor.wait_ready(name)
        if self.config.prover.run:
            system.start_prover(POLL_SECONDS)
            system.supervisor.wait_ready("prover")
        if self.config.index.run:
            system.start_indexer()
            system.supervisor.wait_ready("indexer")
        if self.config.gateway.run:
            system.start_gateway()
            system.supervisor.wait_ready("gateway")
        system.write_system()
        node = system.node.ready
        facts = {
            "folder": str(self.folder.path),
            "L1": f"{l1.rpc.url} (chain {deployment.chain_id})",
            "node": f"127.0.0.1:{node['port']}, signs as {node['sequencer']}",
            "rollup": deployment.rollup,
            "vault": deployment.vault,
            "token": deployment.token,
            "challenge window": f"{self.config.rollup.window_s} s",
            "accounts": f"{len(actors)} of makers and takers",
            **self._describe_services(),
        }
        output.facts("Miletus is up", facts)
        output.line(
            "[dim]in another terminal: miletus status, miletus deposit 1000, miletus instruments, "
            "miletus trade buy NAME SIZE --price P\nCtrl-C stops everything in order[/]"
        )
        output.result({"event": "up", **facts})

    def _describe_services(self) -> dict[str, str]:
        """Where those who trade, and those who watch over processes, find them."""
        children, config, told = self.system.supervisor.children, self.config, {}
        if "gateway" in children:
            address = f"http://{config.gateway.host}:{children['gateway'].ready['port']}"
            told["gateway"] = f"{address}/api/v2"
            if config.gateway.page or find_page() is not None:
                told["page"] = f"{address}/"
        if "prover" in children:
            told["prover"] = f"{children['prover'].ready['wallet']}, size {config.prover.size}"
        if "indexer" in children:
            told["history"] = str(children["indexer"].ready["database"])
        ports = {
            name: child.ready["metrics_port"]
            for name, child in children.items()
            if "metrics_port" in child.ready
        }
        if ports:
            listed = ", ".join(f"{name} {port}" for name, port in ports.items())
            told["health, metrics"] = f"{config.metrics.host}, at the port of each process: {listed}"
        return told

    def _fund(self) -> None:
        """Fund makers and takers, and the wallet of whoever uses this system, the first time."""
        market, system = self.config.market, self.system
        assert system.deployment is not None
        known = {actor.name for actor in ActorsFile(self.folder).read()}
        names = [f"maker-{m + 1}-{k + 1}" for m in range(market.makers) for k in range(MAKER_ACCOUNTS)]
        plan = [(name, MAKER, 10 * market.deposit_usdc) for name in names]
        plan += [(f"taker-{k + 1}", TAKERS, market.deposit_usdc) for k in range(market.takers)]
        give = system.control.set_balance
        for name, role, usdc in plan:
            if name not in known:
                self.output.line(f"[dim]depositing for {name}[/]")
                fund_actor(self.folder, system.l1, system.deployment, name, role, usdc * MICROS, give)
        wallet = self.folder.get_wallet(OWN_WALLET)
        if not system.l1.get_balance(wallet.address):
            give(wallet.address, 10 * ETHER)
            bridge = open_bridge(self.folder, system.l1, system.deployment, wallet)
            try:
                bridge.sender.submit("mint", bridge.token.mint(wallet.address, OWN_USDC * MICROS))
                bridge.sender.wait("mint")
            finally:
                bridge.sender.store.close()

    def _wait_for_inbox(self, entries: int) -> None:
        """Wait until the machine has the deposits; L1 makes an entry wait before it may be consumed."""
        self.system.wait_for(
            lambda: self.system.node.request("status")["inbox_next"] >= entries,
            "taking the deposits from L1's inbox",
        )

    def _keep_going(self) -> None:
        """Every step: the oracle publishes, makers quote, takers trade."""
        step_seconds = self.config.oracle.step_seconds
        failed_since: float | None = None
        while True:
            started = time.monotonic()
            try:
                self._step()
                failed_since = None
            except CliError as error:
                self.system.check()
                logger.warning("a step failed", problem=str(error))
                failed_since = failed_since if failed_since is not None else started
                if started - failed_since > RETRY_SECONDS:
                    raise
            time.sleep(max(0.05, step_seconds - (time.monotonic() - started)))

    def _step(self) -> None:
        children = self.system.supervisor.children
        assert self.system.clock is not None
        time_s = self.system.clock() // 1000
        published = children["oracle"].request("publish", time_s=time_s)
        for settled in published["settled"]:
            self.output.line(f"{settled['name']} settled, payoff {format_price(settled['payoff_ticks'])}")
        for name in (MAKER, TAKERS):
            if name in children:
                self._latest[name] = children[name].request("act", time_s=time_s)
        self.system.check()

    def _post_last_batch(self) -> None:
        """Close the open batch and see it on L1, so that nothing confirmed waits while the system is down."""
        children = self.system.supervisor.children
        if not {"node", "batcher"} <= set(children) or not children["node"].ready:
            return
        self.output.line("stopping: posting the last batch")
        end = time.monotonic() + STOP_SECONDS
        try:
            number = self.system.node.request("close_batch", seconds=5.0)["closing"]
            while number is not None and time.monotonic() < end:
                if self._latest.get("batcher", {}).get("posted", 0) >= number:
                    return
                self.system.check()
                time.sleep(0.1)
        except CliError as error:
            self.output.line(f"[red]{error}[/]")
            return
        if number is not None:
            self.output.line(f"batch {number} is not on L1 yet; it is posted when the system is up again")

    def _on_report(self, name: str, fields: Fields) -> None:
        """Tell people what changed; called from other threads."""
        before, self._latest[name] = self._latest.get(name, {}), fields
        if fields.get("problem"):
            self._tell_once(name, f"[red]{name}: {fields['problem']}[/]")
        if name == "watchtower" and fields.get("alarm"):
            self._tell_once(name, f"[bold red]ALARM {fields['alarm']['message']}[/]")
        if name == "prover":
            for what in ("proved", "removed"):
                for number in fields.get(what, [])[len(before.get(what, [])) :]:
                    self.output.line(f"[dim]{now()}[/] batch {number} is {what} by the system's prover")
        if name == "batcher" and fields.get("final", 0) > before.get("final", 0):
            self.output.line(f"[dim]{now()}[/] batches up to {fields['final']} are final")

    def _tell_once(self, name: str, text: str) -> None:
        if self._told.get(name) != text:
            self._told[name] = text
            self.output.line(f"[dim]{now()}[/] {text}")


def now() -> str:
    """The time of day."""
    return datetime.now(UTC).strftime("%H:%M:%S")

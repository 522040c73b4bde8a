"""The director of a demonstration: starts the system, moves its time, has its market trade, and sums up."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from miletus.cli.actors import Actor, ActorsFile, fund_actor, open_bridge
from miletus.cli.audit import FillAudit, audit_fill
from miletus.cli.board import Board, Screen
from miletus.cli.channel import Fields
from miletus.cli.clock import SharedClock
from miletus.cli.config import Config
from miletus.cli.demo.frozen import Frozen
from miletus.cli.demo.proofs import ProofActs
from miletus.cli.demo.report import Report, compute_percentile
from miletus.cli.demo.telling import Teller
from miletus.cli.errors import CliError
from miletus.cli.folder import Folder
from miletus.cli.output import format_usdc
from miletus.cli.roles.traders import MAKER, TAKERS
from miletus.cli.supervisor import Child
from miletus.cli.system import System
from miletus.market.oracle import get_reading_times
from miletus.market.timeline import Market
from miletus.settlement.chain import ChainView
from miletus.settlement.l1 import Vault

MICROS: Final = 1_000_000

LEAD_S: Final = 900
"""Simulated seconds before the market's start: deploying and depositing happen in them."""

STEP_S: Final = 3_600
"""Simulated seconds between two moments of trading; 07:30 and 08:00 UTC are moments of their own."""

LAG_S: Final = 2 * 3_600
"""How far a closed batch may be behind the exchange's time before the demonstration waits for L1."""

POLL_SECONDS: Final = 0.2

MAKER_ACCOUNTS: Final = 4
WITHDRAW_PERMILLE: Final = 250
"""Share of its free money that each account takes back to L1 at the end."""


class Director:
    """Runs one demonstration in a folder that was made for it."""

    def __init__(
        self, folder: Folder, config: Config, market: Market, title: str, hours: int, screen: Screen
    ) -> None:
        self.folder = folder
        self.config = config
        self.market = market
        self.title = title
        self.screen = screen
        self.board = screen.board
        self.end_s = min(market.start_s + hours * 3_600, market.end_s)
        self.teller = Teller(screen)
        self.closed: dict[int, int] = {}
        """Batch numbers and the second at which each was closed."""
        self.tower: Fields = {}
        self.batcher: Fields = {}
        self.prover: Fields = {}
        self.proofs = ProofActs(self) if config.proofs.sizes else None
        self.system = System(folder, config, self._on_report, is_simulated=True)

    def run(self) -> Report:
        """Run it from an empty folder to the report. Raises CliError or an error of the parts."""
        started = time.monotonic()
        with self.system, self.screen.show():
            self._found()
            self._deposit()
            self._start_market()
            setup_seconds = time.monotonic() - started
            self._trade()
            owed_micros = self._withdraw()
            paid_micros = self._claim()
            if paid_micros != owed_micros:
                raise CliError(f"L1 paid {paid_micros} micro-USDC of {owed_micros} that were withdrawn")
            audit = self._audit()
            frozen = self.proofs.leave_a_frozen_copy() if self.proofs is not None else None
            report = self._sum_up(setup_seconds, time.monotonic() - started, audit, frozen)
            self.screen.begin("stopping all processes")
        return report

    # ---- the phases

    def _found(self) -> None:
        keys = "; making the circuits' keys takes two minutes, once" if self.proofs is not None else ""
        self.screen.begin(f"starting L1, deploying the contracts{keys}")
        start_s = self.market.start_s - self._get_lead_s()
        l1 = self.system.start_l1(start_s)
        deployment = self.system.found(start_s * 1000)
        oracle = self.config.oracle
        self.screen.tell(f"L1: an anvil of its own at {l1.rpc.url}, chain {deployment.chain_id}")
        self.screen.tell(f"contracts: rollup {deployment.rollup}, vault {deployment.vault}")
        self.screen.tell(f"first state: {oracle.threshold} of {oracle.signers} oracle signers must agree")

    def _deposit(self) -> None:
        self.screen.begin("registering accounts, depositing on L1")
        assert self.system.deployment is not None
        market = self.config.market
        names = [f"maker-{m + 1}-{k + 1}" for m in range(market.makers) for k in range(MAKER_ACCOUNTS)]
        plan = [(name, MAKER, 10 * market.deposit_usdc) for name in names]
        plan += [(f"taker-{k + 1}", TAKERS, market.deposit_usdc) for k in range(market.takers)]
        give = self.system.control.set_balance
        for name, role, usdc in plan:
            fund_actor(self.folder, self.system.l1, self.system.deployment, name, role, usdc * MICROS, give)
        total = sum(usdc for _, _, usdc in plan) * MICROS
        self.screen.tell(
            f"{len(plan)} wallets registered an account, deposited {format_usdc(total)} in all and bound a "
            "trading key, on L1"
        )

    def _start_market(self) -> None:
        self.screen.begin("starting node, batcher, watchtower, oracle, makers and takers")
        self.system.start_core(POLL_SECONDS)
        self.system.start_role("oracle")
        node = self.system.node.ready
        self.screen.tell(f"sequencer's node on port {node['port']}, signs answers as {node['sequencer']}")
        self.screen.tell("watchtower: a process that has L1's address and the first state, nothing else")
        if self.proofs is not None:
            self.proofs.start()
        self._move(self.market.start_s - self._get_lead_s() + LEAD_S)
        entries = 2 * len(ActorsFile(self.folder).read())
        self.system.wait_for(
            lambda: self.system.node.request("status")["inbox_next"] >= entries,
            "taking the deposits from L1's inbox",
        )
        self.screen.tell(f"{entries} entries of L1's inbox (deposits and keys) are in the machine")
        if self.proofs is not None:
            self._pass_first_window()
            self.proofs.trade_and_prove(self.market.start_s)
            self.proofs.lie()
        self.system.start_role("maker")
        self.system.start_role("takers")
        self.system.supervisor.wait_ready("oracle", "maker", "takers")
        makers, takers = self.config.market.makers, self.config.market.takers
        self.screen.tell(f"oracle, {makers} market maker{'s' * (makers > 1)} and {takers} takers are ready")
        if self.proofs is not None:
            self.proofs.await_removal()

    def _pass_first_window(self) -> None:
        """Let the deposits' batch wait for its window, so that trading begins at a final state."""
        self.close_batch(self.system.l1.get_head().timestamp_s)
        last = max(self.closed)
        self.system.wait_for(lambda: self.batcher.get("posted", 0) >= last, "posting the deposits' batch")
        self.screen.begin("letting the batch of the deposits wait for its window")
        self._move(self.market.start_s)
        self.system.wait_for(lambda: self.batcher.get("final", 0) >= last, "making the deposits' batch final")
        self.screen.tell(f"batch {last}, the deposits, is final: nobody challenged it within its window")

    def _trade(self) -> None:
        oracle, maker, takers = (self.child(name) for name in ("oracle", MAKER, TAKERS))
        day = None
        for time_s in self._get_times():
            self._move(time_s)
            moment = datetime.fromtimestamp(time_s, UTC)
            self.screen.begin("oracle: index, listings, sheets")
            published = oracle.request("publish", time_s=time_s)
            self.teller.take_published(published, moment)
            if day != moment.date():
                day = moment.date()
                count = sum(published["instruments"].values())
                self.screen.tell(f"{moment:%a %d %b}: trading {count} instruments, each quoted on both sides")
            self.screen.begin("makers quote the chain")
            maker.request("act", time_s=time_s)
            self.screen.begin("takers trade")
            self.teller.take_told(takers.request("act", time_s=time_s))
        told = self.child(MAKER).request("cancel_all")
        self.teller.take_told(told)
        self.screen.tell(f"trading ends after {told['fills']:,} fills; makers take their quotes out")

    def _withdraw(self) -> int:
        """Have every account withdraw, and its batch posted; what is owed on L1, in micro-USDC."""
        self.screen.begin("withdrawing")
        owed = 0
        for name in (MAKER, TAKERS):
            answer = self.child(name).request("withdraw", permille=WITHDRAW_PERMILLE)
            owed += int(answer["withdrawn_micros"])
        self.close_batch(self.end_s)
        last = max(self.closed)
        self.system.wait_for(lambda: self.tower.get("batches_verified", 0) >= last, "checking the last batch")
        self.screen.tell(f"{format_usdc(owed)} withdrawn on the exchange; all {last} batches are on L1")
        return owed

    def _claim(self) -> int:
        """Pass the challenge window, and have every wallet claim; what L1 paid, in micro-USDC."""
        assert self.system.deployment is not None
        deployment, l1 = self.system.deployment, self.system.l1
        last, window_s = max(self.closed), self.config.rollup.window_s
        self.screen.begin(f"moving L1's time past the challenge window of {window_s / 86_400:g} days")
        self._move(l1.get_head().timestamp_s + window_s + 60, close=False)
        self.system.wait_for(lambda: self.batcher.get("final", 0) >= last, "making the batches final")
        self.screen.tell(f"{window_s / 86_400:g} days pass without a challenge: {last} batches are final")
        self.screen.begin("claiming withdrawals on L1")
        rollup = deployment.check(l1)
        view = ChainView(rollup, Vault(l1, rollup.vault), deployment.start_block)
        view.poll()
        paid = wallets = 0
        for actor in ActorsFile(self.folder).read():
            paid += self._claim_of(actor, view)
            wallets += 1
        self.system.wait_for(
            lambda: int(self.tower.get("withdrawn_micros", 0)) >= paid, "seeing the claims on L1"
        )
        self.screen.tell(f"{wallets} wallets claimed {format_usdc(paid)} of the token on L1")
        return paid

    def _claim_of(self, actor: Actor, view: ChainView) -> int:
        """Claim all withdrawals of a wallet; by how much its balance of the token rose."""
        assert self.system.deployment is not None
        wallet = self.folder.get_wallet(actor.name)
        bridge = open_bridge(self.folder, self.system.l1, self.system.deployment, wallet)
        try:
            before = bridge.token.get_balance(wallet.address)
            for claimable in bridge.get_withdrawals(view):
                if claimable.final and not claimable.claimed:
                    bridge.claim(view, claimable)
            return bridge.token.get_balance(wallet.address) - before
        finally:
            bridge.sender.store.close()

    def _audit(self) -> FillAudit | None:
        """Trace the first fill on L1, as `miletus audit` does."""
        first = self.proofs.fill if self.proofs is not None else self.teller.first_fill
        if not first:
            return None
        self.screen.begin("tracing one fill from L1's data")
        assert self.system.deployment is not None
        assert self.system.genesis is not None
        return audit_fill(self.system.l1, self.system.deployment, self.system.genesis, first)

    def _sum_up(
        self, setup_seconds: float, run_seconds: float, audit: FillAudit | None, frozen: Frozen | None
    ) -> Report:
        self.screen.begin("summing up")
        tower = self.child("watchtower").request("report")
        told = self.child(TAKERS).request("describe")
        refused: dict[str, int] = {}
        latencies: list[float] = []
        for name in (MAKER, TAKERS):
            latencies += self.child(name).request("latencies")["latencies_us"]
            for reason, count in self.child(name).request("describe")["refused"].items():
                refused[reason] = refused.get(reason, 0) + count
        return Report(
            words=tower["words"],
            operations=tower["operations"],
            fills=tower["fills"],
            batches=tower["batches"],
            batches_final=tower["batches_final"],
            roots_agreed=tower["roots_agreed"],
            conserved=tower["conserved"],
            l1_gas_per_word=tower["l1_gas_per_word"] or 0.0,
            l1_bytes_per_word=tower["l1_bytes_per_word"] or 0.0,
            ack_p50_us=compute_percentile(latencies, 0.50),
            ack_p99_us=compute_percentile(latencies, 0.99),
            acks=len(latencies),
            deposited_micros=tower["deposited_micros"],
            withdrawn_micros=tower["withdrawn_micros"],
            state_root=tower["root"],
            market=self.title,
            seed=self.config.market.seed,
            simulated_hours=(self.end_s - self.market.start_s) / 3_600,
            instruments_listed=self.teller.listed,
            instruments_settled=self.teller.settled,
            sheets=self.teller.sheets,
            ticks=self.teller.ticks,
            accounts=len(ActorsFile(self.folder).read()),
            volume_micros=sum(told["volume_micros"].values()),
            fees_micros=told["fees_micros"],
            refused=dict(sorted(refused.items())),
            setup_seconds=round(setup_seconds, 1),
            run_seconds=round(run_seconds, 1),
            audited_fill=audit,
            proved_batches=tower["proved_batches"],
            frauds_caught=tower["frauds_caught"],
            trade_to_final_seconds=tower["trade_to_final_seconds"],
            lie_to_removal_seconds=tower["lie_to_removal_seconds"],
            exit_paid_micros=frozen.report["exit_paid_micros"] if frozen is not None else 0,
            frozen=frozen,
            watchtower=tower,
        )

    # ---- time

    def _get_lead_s(self) -> int:
        """How long before the market's start everything begins."""
        return LEAD_S if self.proofs is None else LEAD_S + self.config.rollup.window_s + LEAD_S

    def _get_times(self) -> Iterator[int]:
        """The moments of trading: every step, and 07:30:00 and 08:00:00 UTC."""
        assert self.system.clock is not None
        time_s = self.market.start_s
        if self.proofs is not None:  # the oracle has spoken
            time_s = max(time_s, self.system.clock() // 1000 + 1)
        while time_s <= self.end_s:
            yield time_s
            following = time_s - time_s % STEP_S + STEP_S
            time_s = min([following, *get_reading_times(time_s, following)])

    def _move(self, time_s: int, *, close: bool = True) -> None:
        """Move the time of L1 and of the exchange, with no batch open and none left far behind."""
        clock = self.system.clock
        assert isinstance(clock, SharedClock)
        if close:
            self.close_batch(clock() // 1000)
        self._wait_for_l1(time_s)
        if time_s > self.system.l1.get_head().timestamp_s:
            control = self.system.control
            control.set_next_timestamp(time_s)
            control.mine(3, 1)
        self.board.now_ms = clock.move(time_s * 1000)

    def close_batch(self, time_s: int) -> int | None:
        """Close the open batch; its number, None if none is open."""
        number = self.system.node.request("close_batch")["closing"]
        if number is None:
            return None
        self.closed[int(number)] = time_s
        return int(number)

    def _wait_for_l1(self, time_s: int) -> None:
        """Wait until no batch that L1 does not have yet was closed long before `time_s`."""
        due = [number for number, closed_s in self.closed.items() if closed_s < time_s - LAG_S]
        if due:
            self.screen.begin("waiting until L1 has the last batches")
            self.system.wait_for(lambda: self.batcher.get("posted", 0) >= max(due), "posting batches to L1")

    # ---- the processes

    def child(self, name: str) -> Child:
        """A process of the system."""
        return self.system.supervisor.children[name]

    def _on_report(self, name: str, fields: Fields) -> None:
        """Take what a process reports; called from other threads."""
        if name == "watchtower" and "batches_verified" in fields:
            self.tower = fields
            self.teller.take_found(fields)
        elif name == "batcher" and "posted" in fields:
            self.batcher = fields
        elif name == "prover" and "proved" in fields:
            self.prover = fields
        if fields.get("problem"):
            self.screen.warn(f"{name}: {fields['problem']}")


def make_board(title: str, market: Market, end_s: int) -> Board:
    """The board of a demonstration, before anything happened."""
    start_ms = (market.start_s - LEAD_S) * 1000
    return Board(title, market.start_s * 1000, end_s * 1000, start_ms)

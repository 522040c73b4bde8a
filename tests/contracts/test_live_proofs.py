"""Proofs on a real anvil: its own precompiles and gas, and reorganisations in the middle of a path."""

from collections.abc import Iterator
from typing import Any

import pytest

from miletus.settlement.anvil import Anvil
from miletus.settlement.deployment import compute_least_bond
from tests.contracts.live import LiveWorld, RevertedError
from tests.contracts.live_proving import LiveProver, post_live
from tests.contracts.proving import WRONG, Edge
from tests.contracts.reference import Segment

TWO = (Segment((5, 6), 3, 13, 0), Segment((7,), 4, 14, 0))


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil() as process:
        yield process


@pytest.fixture
def prover(anvil: Anvil) -> Iterator[LiveProver]:
    snapshot = anvil.control().snapshot()
    yield LiveProver(LiveWorld(anvil, keys=True))
    anvil.control().revert(snapshot)


@pytest.mark.rule("08-R20", "08-R27")
def test_a_proved_batch_is_final_at_once(prover: LiveProver) -> None:
    live = prover.live
    posted = post_live(live, live.draft(segments=TWO))
    for segment in range(3):
        receipt = prover.send(posted, Edge(segment))
        assert int(receipt["gasUsed"], 16) < 650_000
    assert live.get(live.rollup, "final_number") == 1


@pytest.mark.rule("08-R20", "08-R28")
def test_a_lie_is_gone_and_the_challenger_is_paid(prover: LiveProver) -> None:
    live = prover.live
    posted = post_live(live, live.draft(segments=TWO))
    with pytest.raises(RevertedError, match="statements: proof does not hold"):
        prover.send(posted, Edge(1, root=WRONG), prover.make(posted, Edge(1)))
    prover.send(posted, Edge(1, root=WRONG))
    assert live.get(live.rollup, "head_number") == 0
    credit_wei = live.get(live.court, "credit_wei", live.people["challenger"])
    assert credit_wei == live.rollup_parameters["bond_wei"] // 2
    live.transact("challenger", live.court, "withdraw_credit")
    assert int(live.rpc.call("eth_getBalance", [live.court.address, "latest"]), 16) == 0


@pytest.mark.rule("08-R28")
@pytest.mark.parametrize("edges", [1, 5])
def test_attack_a_bond_smaller_than_the_cost_of_proving(anvil: Anvil, edges: int) -> None:
    """With the bond that is recommended a challenger gets more than his gas costs, fetching it included."""
    fee_wei = 30 * 10**9
    snapshot = anvil.control().snapshot()
    bond_wei = compute_least_bond(edges, fee_wei)
    live = LiveWorld(anvil, keys=True, bond_wei=bond_wei)
    prover = LiveProver(live)
    posted = post_live(live, live.draft(segments=TWO * 8))
    gas = 0
    for j in range(edges):
        end: dict[str, Any] = (
            {"root": WRONG} if j == edges - 1 else {"end": False, "cursor": 0, "root": 70 + j}
        )
        gas += int(prover.send(posted, Edge(16, before=4 * j, steps=4, **end))["gasUsed"], 16)
    credit_wei = live.get(live.court, "credit_wei", live.people["challenger"])
    gas += int(live.transact("challenger", live.court, "withdraw_credit")["gasUsed"], 16)
    assert gas * fee_wei < credit_wei < 2 * gas * fee_wei
    anvil.control().revert(snapshot)


@pytest.mark.rule("08-R26", "08-R01")
def test_attack_a_reorganisation_in_the_middle_of_a_path(prover: LiveProver) -> None:
    """What L1 took back is posted again: the proofs hold as long as batch and inputs come back."""
    live = prover.live
    live.control.mine(3)
    commit = live.draft(segments=TWO)
    posted = post_live(live, commit)
    live.control.mine(2)
    edges = [
        Edge(1, steps=7, cursor=0, idle=False, end=False, root=71),
        Edge(1, before=7, steps=5, cursor=1, end=False, root=72),
        Edge(1, before=12, steps=1, root=WRONG),
    ]
    proofs = []
    for edge in edges[:2]:
        proofs.append(prover.make(posted, edge))
        prover.send(posted, edge, proofs[-1])
    proofs.append(prover.make(posted, edges[2]))

    live.control.reorganise(1)  # the second edge is gone
    with pytest.raises(RevertedError, match="statements: no fact after so many steps"):
        prover.send(posted, edges[2], proofs[2])
    prover.send(posted, edges[1], proofs[1])

    # batch and facts are gone, and the batch comes back in another block
    live.control.reorganise(int(live.rpc.call("eth_blockNumber"), 16) - posted.block + 1)
    assert live.get(live.rollup, "head_number") == 0
    live.control.mine(4)
    again = post_live(live, commit)
    assert again.id != posted.id
    with pytest.raises(RevertedError, match="statements: data are not those of the batch"):
        prover.send(posted, edges[0], proofs[0])
    with pytest.raises(RevertedError, match="statements: no fact after so many steps"):
        live.send("challenger", live.court.address, prover.encode(again, edges[1], proofs[1]))
    for edge, proof in zip(edges, proofs, strict=True):
        prover.send(again, edge, proof)
    assert live.get(live.rollup, "head_number") == 0
    credit_wei = live.get(live.court, "credit_wei", live.people["challenger"])
    reward_wei = live.rollup_parameters["bond_wei"] // 2
    assert credit_wei == sum(reward_wei * weight // 16 for weight in (8, 6, 2))


@pytest.mark.rule("08-R22")
def test_a_reorganisation_takes_a_removal_back(prover: LiveProver) -> None:
    """The batch stands again, and the same proof removes it again."""
    live = prover.live
    bad = post_live(live, live.draft(segments=TWO))
    child = post_live(live, live.draft(), bad)
    proof = prover.make(bad, Edge(2, root=WRONG))
    prover.send(bad, Edge(2, root=WRONG), proof)
    assert live.get(live.rollup, "head_number") == 0
    live.control.reorganise(1)
    assert live.get(live.rollup, "head_number") == child.number == 2
    prover.send(bad, Edge(2, root=WRONG), proof)
    assert live.get(live.rollup, "head_number") == 0


@pytest.mark.rule("08-R20")
def test_attack_gas_griefing_by_a_bad_point_on_a_real_chain(prover: LiveProver) -> None:
    """Whoever relays a proof for others pays little for a bad one."""
    live = prover.live
    posted = post_live(live, live.draft(segments=TWO))
    proof = prover.make(posted, Edge(1))
    good_gas = int(prover.send(posted, Edge(1), proof)["gasUsed"], 16)
    for place in range(12):
        bad = (*proof[:place], 5, *proof[place + 1 :])
        data = prover.encode(posted, Edge(2), bad)
        transaction = {
            "from": live.people["challenger"],
            "to": live.court.address,
            "data": "0x" + data.hex(),
            "gas": hex(10**7),
        }
        sent = live.rpc.call("eth_sendTransaction", [transaction])
        receipt = live.wait_for(sent)
        assert int(receipt["status"], 16) == 0
        assert int(receipt["gasUsed"], 16) < good_gas

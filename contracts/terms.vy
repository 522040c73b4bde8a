# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title What a deployment of the rollup fixes for ever
"""

from . import words

struct RollupParameters:
    sequencer: address
    genesis_root: bytes32
    machine_version: uint256
    policy: uint256
    bond_wei: uint256
    window_s: uint256
    silence_s: uint256
    max_delay_s: uint256
    reorg_age_s: uint256
    deadline_s: uint256
    freeze_s: uint256
    grace_s: uint256


# policies: fraud and validity proofs; validity proofs alone, without signatures on L1; as the first, with bounties
OPTIMISTIC: constant(uint256) = 0
ZK: constant(uint256) = 1
HYBRID: constant(uint256) = 2
BOND_LIMIT: constant(uint256) = 2**96
MAX_PERIOD_S: constant(uint256) = 10 * 365 * 86_400

sequencer: public(immutable(address))
genesis_root: public(immutable(bytes32))
machine_version: public(immutable(uint256))
policy: public(immutable(uint256))
window_s: public(immutable(uint256))
silence_s: public(immutable(uint256))
max_delay_s: public(immutable(uint256))
reorg_age_s: public(immutable(uint256))
deadline_s: public(immutable(uint256))
freeze_s: public(immutable(uint256))


@deploy
def __init__(parameters: RollupParameters):
    """
    @dev Refuses what could not work. Bond and grace are kept by the modules that use them.
    """
    assert parameters.sequencer != empty(address), "terms: sequencer is not named"
    assert convert(parameters.genesis_root, uint256) < words.FIELD, "terms: genesis root is not a field element"
    assert parameters.policy <= HYBRID, "terms: no such policy"
    assert parameters.bond_wei > 0, "terms: bond is zero"
    assert parameters.bond_wei < BOND_LIMIT, "terms: bond is above 2^96"
    assert parameters.grace_s > 0, "terms: grace is zero"
    assert parameters.window_s > 0 and parameters.silence_s > 0, "terms: window or silence is zero"
    assert parameters.reorg_age_s < parameters.deadline_s, "terms: deadline is not above the reorganisation age"
    assert parameters.deadline_s < parameters.freeze_s, "terms: freeze is not above the deadline"
    longest_s: uint256 = max(parameters.freeze_s, max(parameters.window_s, parameters.silence_s))
    longest_s = max(longest_s, max(parameters.grace_s, parameters.max_delay_s))
    assert longest_s <= MAX_PERIOD_S, "terms: period is longer than 10 years"
    sequencer = parameters.sequencer
    genesis_root = parameters.genesis_root
    machine_version = parameters.machine_version
    policy = parameters.policy
    window_s = parameters.window_s
    silence_s = parameters.silence_s
    max_delay_s = parameters.max_delay_s
    reorg_age_s = parameters.reorg_age_s
    deadline_s = parameters.deadline_s
    freeze_s = parameters.freeze_s

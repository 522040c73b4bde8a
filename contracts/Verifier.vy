# pragma version ~=0.4.3
# pragma evm-version cancun
"""
@title Verifier: checks a Groth16 proof of one circuit
@license Apache-2.0
@dev gnark's Groth16 over BN254 with exactly one Pedersen commitment, to no public input, and keccak256 as the hash to
     the field. One source serves every circuit: the key comes with the constructor and stays in the code. A proof is
     no name for anything, because (-A, -B, C) is another one of the same statement.
"""

struct VerifyingKey:
    alpha: uint256[2]
    beta_negated: uint256[4]
    gamma_negated: uint256[4]
    delta_negated: uint256[4]
    commitment_g: uint256[4]
    commitment_g_sigma_negated: uint256[4]
    k: DynArray[uint256[2], 16]


# A (2), B (4), C (2), commitment (2), its proof of knowledge (2); G2 has its imaginary parts first
PROOF: constant(uint256) = 12
MAX_INPUTS: constant(uint256) = 14
MAX_POINTS: constant(uint256) = 16

# orders of the curve and of the field that its points have coordinates in
FIELD: constant(uint256) = 21888242871839275222246405745257275088548364400416034343698204186575808495617
BASE: constant(uint256) = 21888242871839275222246405745257275088696311157297823662689037894645226208583
CHALLENGE: constant(uint256) = 2**128

# what the precompile takes for six pairs, and for the five points of a key (EIP-1108)
PAIRINGS_GAS: constant(uint256) = 45_000 + 6 * 34_000
KEY_GAS: constant(uint256) = 45_000 + 5 * 34_000
PAIRING: constant(address) = 0x0000000000000000000000000000000000000008

input_count: public(immutable(uint256))
ALPHA: immutable(uint256[2])
BETA: immutable(uint256[4])
GAMMA: immutable(uint256[4])
DELTA: immutable(uint256[4])
G: immutable(uint256[4])
G_SIGMA: immutable(uint256[4])
K: immutable(uint256[2][MAX_POINTS])


@deploy
def __init__(key: VerifyingKey):
    """
    @param key beta, gamma, delta negated; `k` has a point for one, for each public input and for the commitment
    """
    assert len(key.k) >= 3, "verifier: key has no public input"
    self._assert_point(key.alpha)
    points: uint256[2][MAX_POINTS] = empty(uint256[2][MAX_POINTS])
    for i: uint256 in range(len(key.k), bound=MAX_POINTS):
        self._assert_point(key.k[i])
        points[i] = key.k[i]
    zero: uint256[2] = empty(uint256[2])
    pairs: Bytes[960] = abi_encode(
        zero,
        key.beta_negated,
        zero,
        key.gamma_negated,
        zero,
        key.delta_negated,
        zero,
        key.commitment_g,
        zero,
        key.commitment_g_sigma_negated,
    )
    assert self._is_one(pairs, KEY_GAS), "verifier: key has a point that is not of the curve"
    input_count = len(key.k) - 2
    ALPHA = key.alpha
    BETA = key.beta_negated
    GAMMA = key.gamma_negated
    DELTA = key.delta_negated
    G = key.commitment_g
    G_SIGMA = key.commitment_g_sigma_negated
    K = points


@external
@view
def verify(inputs: DynArray[uint256, MAX_INPUTS], proof: uint256[PROOF]) -> bool:
    """
    @notice Whether the proof shows the circuit's statement for these public inputs. Reverts for what has no form of a
            proof.
    @dev e(A, B) e(alpha, -beta) e(L, -gamma) e(C, -delta) = 1 and e(D, -sigma G) e(P, G) = 1 are checked at once: the
         second one to the power of a challenge that hashes all that the caller chose.
    """
    assert len(inputs) == input_count, "verifier: wrong number of public inputs"
    a: uint256[2] = [proof[0], proof[1]]
    b: uint256[4] = [proof[2], proof[3], proof[4], proof[5]]
    c: uint256[2] = [proof[6], proof[7]]
    commitment: uint256[2] = [proof[8], proof[9]]
    knowledge: uint256[2] = [proof[10], proof[11]]
    # a bad point would make the precompile burn what it was given
    self._assert_point(a)
    self._assert_point(c)
    self._assert_point(commitment)
    self._assert_point(knowledge)

    hashed: uint256 = convert(keccak256(abi_encode(commitment)), uint256) % FIELD
    sum: uint256[2] = ecadd(K[0], commitment)
    for i: uint256 in range(input_count, bound=MAX_INPUTS):
        assert inputs[i] < FIELD, "verifier: public input is not a field element"
        sum = ecadd(sum, ecmul(K[i + 1], inputs[i]))
    sum = ecadd(sum, ecmul(K[input_count + 1], hashed))

    challenge: uint256 = convert(keccak256(abi_encode(inputs, proof)), uint256) % CHALLENGE
    pairs: Bytes[1152] = abi_encode(
        a,
        b,
        ALPHA,
        BETA,
        sum,
        GAMMA,
        c,
        DELTA,
        ecmul(commitment, challenge),
        G_SIGMA,
        ecmul(knowledge, challenge),
        G,
    )
    return self._is_one(pairs, PAIRINGS_GAS)


@internal
@pure
def _assert_point(point: uint256[2]):
    """
    @dev A point of the curve. The one at infinity, (0, 0), is refused too: no proof has it, and a key would have it for
         a public input that no constraint uses, which could then be anything.
    """
    assert point[0] < BASE and point[1] < BASE, "verifier: point is not of the curve"
    left: uint256 = uint256_mulmod(point[1], point[1], BASE)
    square: uint256 = uint256_mulmod(point[0], point[0], BASE)
    right: uint256 = uint256_addmod(uint256_mulmod(square, point[0], BASE), 3, BASE)
    assert left == right, "verifier: point is not of the curve"


@internal
@view
def _is_one(pairs: Bytes[1152], gas_limit: uint256) -> bool:
    """
    @dev Whether the pairings multiply to one; not if a point is not of the curve, for which the precompile fails and
         burns its gas, and no more.
    """
    success: bool = False
    result: Bytes[32] = b""
    success, result = raw_call(
        PAIRING, pairs, max_outsize=32, gas=gas_limit, is_static_call=True, revert_on_failure=False
    )
    return success and len(result) == 32 and convert(result, uint256) == 1

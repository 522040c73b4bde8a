"""BN254's precompiles for the EVM of titanoboa by gnark-crypto: its own take seconds for a pairing."""

from typing import Any

from boa.util.abi import Address
from boa.vm.py_evm import register_raw_precompile
from eth.exceptions import VMError

from tests.contracts.fixture import get_fixture

ADD, MULTIPLY, PAIR = 6, 7, 8


def call_precompile(number: int, data: bytes) -> bytes | None:
    """What a precompile gives; None if it fails."""
    output = get_fixture().ask(call=number, input=data.hex()).get("output")
    return None if output is None else bytes.fromhex(output[2:])


def register_precompiles() -> None:
    """Let titanoboa's EVM compute BN254 by gnark-crypto."""
    for number in (ADD, MULTIPLY, PAIR):
        register_raw_precompile(Address(f"0x{number:040x}"), make_precompile(number), force=True)


def make_precompile(number: int) -> Any:
    """One of the precompiles, with its gas (EIP-1108)."""

    def run(computation: Any) -> Any:
        data = computation.msg.data_as_bytes
        gas = {ADD: 150, MULTIPLY: 6_000, PAIR: 45_000 + 34_000 * (len(data) // 192)}[number]
        computation.consume_gas(gas, reason="BN254")
        output = call_precompile(number, data)
        if output is None:
            raise VMError("not a point of the curve")
        computation.output = output
        return computation

    return run

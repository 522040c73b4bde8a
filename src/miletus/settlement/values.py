"""Ethereum's values as they come through JSON-RPC: parsing that never trusts the node's shapes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address

from miletus.settlement.errors import L1Garbled

ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""First bytes of the revert data of `Error(string)`."""

NOBODY = "0x" + 40 * "0"
"""The address of no account, where a contract has none."""


@dataclass(frozen=True, slots=True)
class Header:
    """Header of an L1 block, as far as this package needs it."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp_s: int
    base_fee_wei: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Log:
    """One event of a contract."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction_hash: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an included transaction."""

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    gas_price_wei: int
    contract_address: str | None
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction as the node knows it; `block_hash` is None while it waits."""

    hash: bytes
    sender: str
    to: str | None
    nonce: int
    value_wei: int
    input: bytes
    block_number: int | None
    block_hash: bytes | None


def parse_quantity(value: object, what: str) -> int:
    """A hex number such as 0x1f. Raises L1Garbled."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise L1Garbled(f"L1 answered {what} as {_short(value)}, not as a hex number")


def parse_data(value: object, what: str) -> bytes:
    """Hex bytes such as 0x00ff. Raises L1Garbled."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise L1Garbled(f"L1 answered {what} as {_short(value)}, not as hex bytes")


def parse_hash(value: object, what: str) -> bytes:
    """A 32-byte hash. Raises L1Garbled."""
    data = parse_data(value, what)
    if len(data) != 32:
        raise L1Garbled(f"L1 answered {what} with {len(data)} bytes instead of 32")
    return data


def parse_address(value: object, what: str) -> str:
    """An address in its checksummed form. Raises L1Garbled."""
    data = parse_data(value, what)
    if len(data) != 20:
        raise L1Garbled(f"L1 answered {what} with {len(data)} bytes instead of 20")
    return str(to_checksum_address(data))


def parse_header(value: object) -> Header:
    """A block's header. Raises L1Garbled."""
    block = _object(value, "a block")
    return Header(
        number=parse_quantity(block.get("number"), "a block's number"),
        hash=parse_hash(block.get("hash"), "a block's hash"),
        parent_hash=parse_hash(block.get("parentHash"), "a block's parent hash"),
        timestamp_s=parse_quantity(block.get("timestamp"), "a block's timestamp"),
        base_fee_wei=parse_quantity(block.get("baseFeePerGas", "0x0"), "a block's base fee"),
        gas_limit=parse_quantity(block.get("gasLimit"), "a block's gas limit"),
    )


def parse_log(value: object) -> Log:
    """One event. Raises L1Garbled."""
    log = _object(value, "an event")
    topics = log.get("topics")
    if not isinstance(topics, list):
        raise L1Garbled("L1 answered an event without topics")
    return Log(
        address=parse_address(log.get("address"), "an event's address"),
        topics=tuple(parse_hash(topic, "an event's topic") for topic in topics),
        data=parse_data(log.get("data"), "an event's data"),
        block_number=parse_quantity(log.get("blockNumber"), "an event's block number"),
        block_hash=parse_hash(log.get("blockHash"), "an event's block hash"),
        transaction_hash=parse_hash(log.get("transactionHash"), "an event's transaction"),
        index=parse_quantity(log.get("logIndex"), "an event's index"),
    )


def parse_receipt(value: object) -> Receipt:
    """A receipt. Raises L1Garbled."""
    receipt = _object(value, "a receipt")
    created = receipt.get("contractAddress")
    logs = receipt.get("logs")
    if not isinstance(logs, list):
        raise L1Garbled("L1 answered a receipt without a list of events")
    return Receipt(
        transaction_hash=parse_hash(receipt.get("transactionHash"), "a receipt's transaction"),
        block_number=parse_quantity(receipt.get("blockNumber"), "a receipt's block number"),
        block_hash=parse_hash(receipt.get("blockHash"), "a receipt's block hash"),
        succeeded=parse_quantity(receipt.get("status"), "a receipt's status") == 1,
        gas_used=parse_quantity(receipt.get("gasUsed"), "a receipt's gas"),
        gas_price_wei=parse_quantity(receipt.get("effectiveGasPrice", "0x0"), "a receipt's gas price"),
        contract_address=None if created is None else parse_address(created, "a created contract"),
        logs=tuple(parse_log(log) for log in logs),
    )


def parse_transaction(value: object) -> Transaction:
    """A transaction. Raises L1Garbled."""
    fields = _object(value, "a transaction")
    to, block, number = fields.get("to"), fields.get("blockHash"), fields.get("blockNumber")
    return Transaction(
        hash=parse_hash(fields.get("hash"), "a transaction's hash"),
        sender=parse_address(fields.get("from"), "a transaction's sender"),
        to=None if to is None else parse_address(to, "a transaction's recipient"),
        nonce=parse_quantity(fields.get("nonce"), "a transaction's nonce"),
        value_wei=parse_quantity(fields.get("value"), "a transaction's value"),
        input=parse_data(fields.get("input"), "a transaction's input"),
        block_number=None if number is None else parse_quantity(number, "a transaction's block"),
        block_hash=None if block is None else parse_hash(block, "a transaction's block hash"),
    )


def decode_revert(data: bytes) -> str:
    """Reason of a revert, empty when there is none that can be read."""
    if data[:4] != ERROR_SELECTOR:
        return ""
    try:
        (text,) = decode(["string"], data[4:])
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return ""
    return str(text)


def to_hex(data: bytes) -> str:
    """Bytes as 0x and hex digits."""
    return "0x" + data.hex()


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise L1Garbled(f"L1 answered {what} as {_short(value)}, not as an object")
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."

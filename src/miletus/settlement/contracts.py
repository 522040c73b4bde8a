"""The compiled contracts: their bytecode, and their ABI as encoder and decoder."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from miletus.settlement.errors import ContractMismatch, L1Garbled, SettlementError
from miletus.settlement.values import Log

ARTEFACTS_VARIABLE: Final = "MILETUS_CONTRACTS"
"""Environment variable that names the directory of the compiled contracts."""


def keccak256(data: bytes) -> bytes:
    """Ethereum's keccak256."""
    return bytes(keccak(primitive=data))


def find_artefacts() -> Path:
    """Directory of the compiled contracts: the environment's, or build/contracts of the checkout.

    Raises:
        SettlementError: there is none.

    """
    named = os.environ.get(ARTEFACTS_VARIABLE)
    if named:
        if not (Path(named) / "Rollup.json").is_file():
            raise SettlementError(
                f"{ARTEFACTS_VARIABLE} names {named}: no Rollup.json there; correct or unset it"
            )
        return Path(named)
    for folder in (*Path(__file__).resolve().parents, Path.cwd()):
        if (folder / "build" / "contracts" / "Rollup.json").is_file():
            return folder / "build" / "contracts"
    raise SettlementError("the contracts are not compiled; run make contracts")


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded event and where it happened."""

    name: str
    values: Mapping[str, Any]
    log: Log


@dataclass(frozen=True)
class Contract:
    """A contract's interface; `bytecode` is what creates one."""

    name: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: bytes
    _functions: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    _events: dict[bytes, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for entry in self.abi:
            if entry["type"] == "function":
                self._functions[entry["name"]] = entry
            elif entry["type"] == "event":
                self._events[keccak256(_signature(entry).encode())] = entry

    @classmethod
    def load(cls, name: str, directory: Path | None = None) -> "Contract":
        """The contract `name` from its artefact. Raises SettlementError when that is missing or damaged."""
        path = (directory if directory is not None else find_artefacts()) / f"{name}.json"
        try:
            artefact = json.loads(path.read_text())
            return cls(name, artefact["abi"], bytes.fromhex(artefact["bytecode"].removeprefix("0x")))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise SettlementError(
                f"{path}: {type(error).__name__}: not a compiled contract; run make contracts"
            ) from None

    def encode_constructor(self, *arguments: Any) -> bytes:
        """Bytecode and arguments of a creation."""
        for entry in self.abi:
            if entry["type"] == "constructor":
                return self.bytecode + _encode(f"{self.name}()", entry["inputs"], arguments)
        return self.bytecode

    def get_selector(self, function: str) -> bytes:
        """First four bytes of a call's input."""
        return keccak256(_signature(self._functions[function]).encode())[:4]

    def get_topic(self, event: str) -> bytes:
        """First topic of an event."""
        return next(topic for topic, entry in self._events.items() if entry["name"] == event)

    def encode_call(self, function: str, *arguments: Any) -> bytes:
        """Input of a call. Raises ValueError for arguments that don't fit."""
        entry = self._functions[function]
        return self.get_selector(function) + _encode(f"{self.name}.{function}", entry["inputs"], arguments)

    def decode_result(self, function: str, data: bytes) -> Any:
        """Result of a call: one value, or a tuple of several.

        Raises:
            ContractMismatch: the answer does not have the shape of this contract's.

        """
        types = [_type(output) for output in self._functions[function]["outputs"]]
        try:
            values = decode(types, data)
        except (DecodingError, OverflowError):
            raise ContractMismatch(
                f"{function}() answered {len(data)} bytes that are not {', '.join(types)}; "
                f"is this the address of the {self.name}?"
            ) from None
        return values[0] if len(values) == 1 else values

    def decode_arguments(self, function: str, data: bytes) -> tuple[Any, ...]:
        """Arguments from a call's input after the selector; what follows them is not looked at."""
        types = [_type(value) for value in self._functions[function]["inputs"]]
        return tuple(decode(types, data, strict=False))

    def decode_event(self, log: Log) -> Event | None:
        """An event of this contract, None if it is of another kind. Raises L1Garbled."""
        entry = self._events.get(log.topics[0]) if log.topics else None
        if entry is None:
            return None
        indexed = [value for value in entry["inputs"] if value["indexed"]]
        others = [value for value in entry["inputs"] if not value["indexed"]]
        values: dict[str, Any] = {}
        try:
            for value, topic in zip(indexed, log.topics[1:], strict=True):
                (values[value["name"]],) = decode([_type(value)], topic)
            decoded = decode([_type(value) for value in others], log.data)
        except (DecodingError, OverflowError, ValueError):
            raise L1Garbled(f"L1 gave an event {entry['name']} whose data can't be decoded") from None
        values.update((value["name"], part) for value, part in zip(others, decoded, strict=True))
        for value in entry["inputs"]:
            if value["type"] == "address":
                values[value["name"]] = str(to_checksum_address(values[value["name"]]))
        return Event(entry["name"], values, log)


def _type(value: Mapping[str, Any]) -> str:
    """ABI type with its tuples spelled out."""
    kind = str(value["type"])
    if kind.startswith("tuple"):
        parts = ",".join(_type(part) for part in value["components"])
        return f"({parts}){kind.removeprefix('tuple')}"
    return kind


def _signature(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(value) for value in entry['inputs'])})"


def _encode(what: str, inputs: Sequence[Mapping[str, Any]], arguments: Sequence[Any]) -> bytes:
    if len(inputs) != len(arguments):
        raise ValueError(f"{what} takes {len(inputs)} arguments, not {len(arguments)}")
    try:
        return encode([_type(value) for value in inputs], arguments)
    except (EncodingError, OverflowError, TypeError) as error:
        raise ValueError(f"{what}: {error}") from None

"""JSON-RPC over HTTP with time limits and bounded retries; one clear error when L1 can't be used.

Every request that this package makes may be repeated: reads change nothing, and a raw transaction that the
node already knows is recognised by its hash.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from miletus.settlement.errors import CallReverted, L1Error, L1Garbled, L1Refused, L1Unreachable
from miletus.settlement.values import decode_revert, parse_data

REVERT_CODE = 3
"""JSON-RPC error code that nodes use for a reverted call."""

BUSY_CODES = frozenset({-32005, -32016, 429})
"""Codes of nodes that limit the rate; worth another try."""


class JsonRpc:
    """One JSON-RPC endpoint. Not for several threads at once.

    Args:
        url: http:// or https:// address of the node.
        timeout_seconds: longest wait for one answer.
        attempts: how often a request is tried before `L1Unreachable`.
        pause_seconds: wait before the second try; doubles each time, up to 5 s.
        sleep: how to wait, for tests.
        transport: replaces the network, for tests.

    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = 10.0,
        attempts: int = 4,
        pause_seconds: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise L1Error(
                f"L1 address {url!r} is not http:// or https://; give the node's HTTP JSON-RPC address"
            )
        self.url = url
        self.timeout_seconds = timeout_seconds
        self.attempts = max(1, attempts)
        self._pause_seconds = pause_seconds
        self._sleep = sleep
        self._ids = itertools.count(1)
        # trust_env: a proxy of the environment must not stand between us and a node on loopback
        self._client = httpx.Client(timeout=timeout_seconds, transport=transport, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> "JsonRpc":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Result of one request.

        Raises:
            L1Unreachable: no usable answer after all attempts.
            L1Garbled: an answer that is not JSON-RPC.
            L1Refused, CallReverted: the node's own error.

        """
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
        answer = self._post(method, body)
        if not isinstance(answer, dict) or answer.get("id") != body["id"]:
            raise L1Garbled(
                f"L1 at {self.url}: answer to {method} is not JSON-RPC; is this a node's RPC port?"
            )
        return self._unpack(method, answer)

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results of several requests in one round trip, in their order; raises as `call`."""
        if not calls:
            return []
        bodies = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
            for method, params in calls
        ]
        answers = self._post(calls[0][0], bodies)
        if not isinstance(answers, list):
            raise L1Garbled(f"L1 at {self.url}: a batch of requests was not answered by a list")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        results = []
        for body in bodies:
            if body["id"] not in by_id:
                raise L1Garbled(f"L1 at {self.url}: no answer to {body['method']} in a batch of requests")
            results.append(self._unpack(str(body["method"]), by_id[body["id"]]))
        return results

    def _post(self, method: str, body: object) -> Any:
        """The decoded answer; tries again on what may pass."""
        pause = self._pause_seconds
        problem = ""
        for attempt in range(self.attempts):
            if attempt:
                self._sleep(pause)
                pause = min(pause * 2, 5.0)
            try:
                response = self._client.post(self.url, json=body)
            except httpx.TimeoutException:
                problem = f"no answer to {method} within {self.timeout_seconds:g} s"
                continue
            except httpx.HTTPError as error:
                problem = str(error) or type(error).__name__
                continue
            if response.status_code == 429 or response.status_code >= 500:
                problem = f"HTTP status {response.status_code}"
                continue
            try:
                answer = response.json()
            except ValueError:
                raise L1Garbled(
                    f"L1 at {self.url}: answer to {method} is not JSON (HTTP status {response.status_code}); "
                    "is this a node's RPC port?"
                ) from None
            if isinstance(answer, dict) and _is_busy(answer.get("error")):
                problem = "it limits the rate of requests"
                continue
            return answer
        raise L1Unreachable(
            f"L1 at {self.url} can't be used after {self.attempts} tries: {problem}; "
            "check that the node runs and its address is right"
        )

    def _unpack(self, method: str, answer: dict[str, Any]) -> Any:
        error = answer.get("error")
        if error is None:
            if "result" not in answer:
                raise L1Garbled(f"L1 at {self.url}: answer to {method} has neither result nor error")
            return answer["result"]
        if not isinstance(error, dict):
            raise L1Garbled(f"L1 at {self.url}: error of {method} is not an object")
        raw_code = error.get("code")
        code = raw_code if isinstance(raw_code, int) else 0
        message = str(error.get("message", "")).splitlines()
        text = message[0] if message else "no message"
        data = _error_data(error.get("data"))
        if code == REVERT_CODE or data or "revert" in text.lower():
            reason = decode_revert(data)
            raise CallReverted(f"{method} reverted: {reason or text}", reason, code, data)
        raise L1Refused(f"L1 at {self.url} refused {method}: {text} (code {code})", code, data)


def _is_busy(error: object) -> bool:
    return isinstance(error, dict) and error.get("code") in BUSY_CODES


def _error_data(value: object) -> bytes:
    """Revert data: a hex string, or nested in an object as some nodes do."""
    if isinstance(value, dict):
        value = value.get("data")
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return parse_data(value, "error data")
        except L1Garbled:
            return b""
    return b""

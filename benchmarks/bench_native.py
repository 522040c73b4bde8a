"""Rates of the native library, called from Python: hashes, signatures, trees. Prints JSON.

Each figure is the best of several runs of a fixed time, since others may use the machine. Those for one core
come from a second process with GOMAXPROCS=1.
"""

import json
import os
import subprocess
import sys
import time
from array import array
from collections.abc import Callable

from miletus import native
from miletus.engine import layout
from miletus.engine.packing import PACKING, compute_page_kind

RUNS = 5
RUN_SECONDS = 0.3
ONE_CORE = "--one-core"
DIRTY_ACCOUNTS = 1_000
ACCOUNT_OFFSETS = (
    layout.ACCOUNT_HEADER,
    layout.ACCOUNT_RISK + 1,
    layout.ACCOUNT_ORDERS,
    layout.ACCOUNT_ORDERS + layout.ACCOUNT_GROUP,
    layout.ACCOUNT_POSITIONS,
)
"""Pages of an account that a batch of 10,000 words makes dirty: 5,000 in all with 1,000 accounts."""


def measure(work: Callable[[], object], items: int) -> float:
    """Items a second, the best of RUNS."""
    best = 0.0
    for _ in range(RUNS):
        calls, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < RUN_SECONDS or calls == 0:
            work()
            calls += 1
        best = max(best, calls * items / passed)
    return best


def build_signatures(count: int, keys: int) -> tuple[list[tuple[int, int]], list[int], list[bytes]]:
    """Signatures of different messages under `keys` different keys."""
    signers = [native.derive_key(k.to_bytes(32)) for k in range(keys)]
    messages = [native.hash7(1, k) for k in range(count)]
    signatures = [signers[k % keys].sign(messages[k]) for k in range(count)]
    return [signers[k % keys].public for k in range(count)], messages, signatures


FIRST_FIELDS = [next((slot[0] for cell in kind for slot in cell), 0) for kind in PACKING]
"""A field that each kind of page has."""


def build_dirty_pages() -> tuple["array[int]", "array[int]", "array[int]"]:
    """Numbers, kinds and fields of 5,000 pages of accounts, each field one, so that no page is zero."""
    numbers, kinds, fields = array("q"), array("q"), array("q")
    for account in range(DIRTY_ACCOUNTS):
        for offset in ACCOUNT_OFFSETS:
            number = account * int(layout.ACCOUNT_PAGES) + int(offset)
            kind = compute_page_kind(number)
            page = [0] * int(layout.PAGE)
            for slots in PACKING[kind]:
                for field, _, _ in slots:
                    page[field] = 1
            numbers.append(number)
            kinds.append(kind)
            fields.extend(page)
    return numbers, kinds, fields


def measure_tree() -> float:
    """Milliseconds of one update of 5,000 dirty pages, the best of RUNS."""
    numbers, kinds, fields = build_dirty_pages()
    tree = native.Tree()
    tree.update(numbers, kinds, fields)
    best = float("inf")
    for _ in range(RUNS):
        for at, kind in zip(range(0, len(fields), int(layout.PAGE)), kinds, strict=True):
            fields[at + FIRST_FIELDS[kind]] ^= 2
        started = time.perf_counter()
        tree.update(numbers, kinds, fields)
        best = min(best, time.perf_counter() - started)
    return 1_000 * best


def measure_rates() -> dict[str, float]:
    """All rates of this process."""
    key = native.derive_key(bytes(32))
    message, signature = 5, key.sign(5)
    rates = {
        "hash7_per_s": measure(lambda: native.hash7(1, 2, 3), 1),
        "hash15_per_s": measure(lambda: native.hash15(1, 2, 3), 1),
        "keccak_32_bytes_per_s": measure(lambda: native.keccak256(bytes(32)), 1),
        "sign_per_s": measure(lambda: key.sign(message), 1),
        "verify_alone_per_s": measure(lambda: native.verify(*key.public, message, signature), 1),
    }
    for count, keys in ((16, 8), (64, 20), (1_024, 200), (1_024, 1_024)):
        batch = build_signatures(count, keys)
        rate = measure(lambda batch=batch: native.verify_many(*batch), count)  # type: ignore[misc]
        rates[f"verify_{count}_of_{keys}_keys_per_s"] = rate
    batch[1][500] += 1
    rates["verify_1024_one_bad_per_s"] = measure(lambda: native.verify_many(*batch), 1_024)
    receipts = array("q", [0, 5, 10**9, 3] * 1_000)
    rates["absorb_receipts_per_s"] = measure(lambda: native.absorb_receipts(0, receipts), 1_000)
    words = bytes(range(31)) * 1_024
    rates["bind_data_words_per_s"] = measure(lambda: native.bind_data(words, 1_024), 1_024)
    rates["root_of_5000_dirty_pages_ms"] = measure_tree()
    return {name: round(rate, 1) for name, rate in rates.items()}


def main() -> None:
    """Measure with all cores, then with one."""
    if ONE_CORE in sys.argv:
        print(json.dumps(measure_rates()))
        return
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_native", ONE_CORE],
        env=os.environ | {"GOMAXPROCS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    parallel = ("verify_64", "verify_1024", "root_of")
    one_core = {f"{k}_one_core": v for k, v in json.loads(child.stdout).items() if k.startswith(parallel)}
    print(json.dumps(measure_rates() | one_core))


if __name__ == "__main__":
    main()

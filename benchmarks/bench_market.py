"""The market: how fast a sheet is computed and a surface fitted, and how well surfaces meet recorded chains.

Prints JSON. Recorded chains are looked for as tests do (MILETUS_DATA); without them their figures are left
out.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from miletus.engine.params import GAMMA_LIMIT
from miletus.market.chains import ChainSnapshot, find_snapshots, read_chain
from miletus.market.files import get_data_folder
from miletus.market.generated import GeneratedMarket
from miletus.market.instruments import Catalogue
from miletus.market.oracle import make_oracle
from miletus.market.parameters import quantise
from miletus.market.sheet import compute_sheet
from miletus.market.svi_fit import FittedSurface, fit_surface
from miletus.market.timeline import Selection
from miletus.market.view import make_parameters
from miletus.native import derive_key

DAY_S = 86_400
TENORS = ((0, 1, "below 1 day"), (1, 7, "1 to 7 days"), (7, 45, "7 to 45 days"), (45, 500, "above 45 days"))


def measure(function: Callable[[], object], runs: int = 7) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def measure_sheet() -> dict[str, float | int]:
    """Seconds for the sheet of 301 instruments, and for its signed bundle."""
    market = GeneratedMarket(1, selection=Selection(nearest=6, quarterly=4, strikes=15))
    catalogue = Catalogue()
    terms = [t for t in market.get_terms(market.start_s) if t.underlying == 0][:301]
    instruments = catalogue.add_missing(terms)
    index = market.get_index(0, market.start_s)
    parameters = make_parameters(market, 0, market.start_s, index, instruments)
    keys = [derive_key(bytes([n]) * 32) for n in range(3)]
    oracle = make_oracle(market, keys, 2, 1)
    oracle.tick(0, market.start_s)
    for each in terms:
        oracle.list_instrument(each, market.start_s)
    return {
        "sheet_instruments": len(instruments),
        "sheet_seconds": measure(lambda: compute_sheet(instruments, parameters)),
        "sheet_with_2_of_3_approvals_seconds": measure(lambda: oracle.sheet(0, market.start_s), 5),
    }


def compute_mark_errors(
    chain: ChainSnapshot, underlying: int, fitted: FittedSurface
) -> tuple[list[float], int]:
    """Distance of each mark from the recorded one, in 1/10,000 of the index; and gammas at their limit."""
    forwards = {e: round(f * 100) for (u, e), f in chain.forward_usdc.items() if u == underlying}
    index = round(chain.index_usdc[underlying] * 100)
    parameters = quantise(fitted.surface, underlying, index, index, forwards)
    catalogue = Catalogue()
    quotes = [q for q in chain.quotes if q.terms.underlying == underlying]
    sheet = compute_sheet(catalogue.add_missing(q.terms for q in quotes), parameters)
    entries = [sheet[number] for number in sorted(sheet)]
    pairs = zip(entries, quotes, strict=True)
    errors = [abs(entry.mark_ticks / 100 - q.mark_usdc) / index * 1e6 for entry, q in pairs]
    return errors, sum(entry.gamma == GAMMA_LIMIT - 1 for entry in entries)


def measure_fits(folder: Path) -> dict[str, object]:
    """Quality of the surfaces of every recorded snapshot."""
    quality: dict[str, list[tuple[float, float, float]]] = {name: [] for *_, name in TENORS}
    errors: list[float] = []
    seconds, options, limited = [], 0, [0, 0]
    snapshots = find_snapshots(folder)
    for _, path in snapshots:
        chain = read_chain(path)
        for underlying in (0, 1):
            started = time.perf_counter()
            fitted = fit_surface(chain, underlying)
            seconds.append(time.perf_counter() - started)
            for each in fitted.quality:
                days = (each.expiry_s - chain.time_s) / DAY_S
                name = next(name for low, high, name in TENORS if low <= days < high)
                quality[name].append((each.rmse, each.rmse_all, each.worst))
            found, at_limit = compute_mark_errors(chain, underlying, fitted)
            errors += found
            options += len(found)
            limited[underlying] += at_limit
    table = [
        {
            "expiry": name,
            "slices": len(rows),
            "vol_rmse_points_median": 100 * float(np.median([row[0] for row in rows])),
            "vol_rmse_points_p95": 100 * float(np.percentile([row[0] for row in rows], 95)),
            "unweighted_median": 100 * float(np.median([row[1] for row in rows])),
        }
        for name, rows in quality.items()
    ]
    return {
        "snapshots": len(snapshots),
        "options": options,
        "fit_seconds_a_surface_median": float(np.median(seconds)),
        "mark_error_bp_of_index_median": float(np.median(errors)),
        "mark_error_bp_of_index_p99": float(np.percentile(errors, 99)),
        "gamma_at_its_limit_btc_per_cent": 100 * limited[0] / (options / 2),
        "gamma_at_its_limit_eth_per_cent": 100 * limited[1] / (options / 2),
        "slices": table,
    }


def main() -> None:
    """Measure, and print one line."""
    result: dict[str, object] = dict(measure_sheet())
    folder = get_data_folder(Path(__file__).parent.parent) / "deribit_chains"
    if folder.is_dir():
        result |= measure_fits(folder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

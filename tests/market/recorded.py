"""Where the recorded market data of the tests is, and the mark that skips a test without it."""

from pathlib import Path

import pytest

from miletus.market.files import DATA_VARIABLE, get_data_folder

DATA = get_data_folder(Path(__file__).resolve().parents[2])
CHAINS = DATA / "deribit_chains"
VECTORS = DATA / "pricing_vectors"

needs_chains = pytest.mark.skipif(
    not CHAINS.is_dir(), reason=f"no recorded chains: point {DATA_VARIABLE} at the folder of market data"
)
needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"no pricing vectors: point {DATA_VARIABLE} at the folder of market data"
)

"""Chain snapshots: what is read, and what is refused with one clear line."""

import gzip
import math
from pathlib import Path

import pytest

from miletus.market.chains import (
    SNAPSHOT_NAME,
    ChainSnapshot,
    find_snapshots,
    read_chain,
    read_futures,
    with_futures,
)
from miletus.market.errors import ChainError
from miletus.market.names import InstrumentType, parse_name
from tests.market.recorded import CHAINS, needs_chains

HEADER = (
    "timestamp,instrument_name,option_type,strike,expiry_datetime,bid_price,ask_price,mark_price,"
    "futures_price,implied_volatility,currency,index_price,remark\n"
)
GOOD = {
    "timestamp": "2026-01-28T04:00:47.979950+00:00",
    "instrument_name": "BTC-6FEB26-100000-C",
    "option_type": "call",
    "strike": "100000.0",
    "expiry_datetime": "2026-02-06T08:00:00+00:00",
    "bid_price": "0.0009",
    "ask_price": "0.001",
    "mark_price": "0.0009",
    "futures_price": "90000.0",
    "implied_volatility": "0.4",
    "currency": "BTC",
    "index_price": "89900.5",
    "remark": "",
}


def write(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "deribit_options_snapshot_20260128T040047Z.csv"
    path.write_text(HEADER + "".join(",".join((GOOD | row).values()) + "\n" for row in rows))
    return path


def test_a_row_becomes_a_linear_quote(tmp_path: Path) -> None:
    chain = read_chain(write(tmp_path, {}))
    (quote,) = chain.quotes
    assert quote.terms == parse_name("BTC_USDC-6FEB26-100000-C")
    assert quote.mark_usdc == pytest.approx(81.0)
    assert quote.bid_usdc == pytest.approx(81.0)
    assert quote.ask_usdc == pytest.approx(90.0)
    assert quote.volatility == 0.4
    assert chain.time_s == 1_769_572_847
    assert chain.index_usdc == {0: 89_900.5}
    assert chain.forward_usdc == {(0, quote.terms.expiry_s): 90_000.0}
    assert chain.refused == ()


def test_a_side_without_a_quote_is_none(tmp_path: Path) -> None:
    (quote,) = read_chain(write(tmp_path, {"bid_price": "", "ask_price": "0.0"})).quotes
    assert quote.bid_usdc is None
    assert quote.ask_usdc is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mark_price": "abc"}, "mark_price 'abc' is not a number"),
        ({"mark_price": "nan"}, "not between"),
        ({"mark_price": "-0.1"}, "not between"),
        ({"mark_price": "1.2"}, "is an arbitrage"),
        ({"mark_price": ""}, "not a number"),
        ({"futures_price": "0"}, "not between"),
        ({"futures_price": "1e9"}, "not between"),
        ({"implied_volatility": "0"}, "not between"),
        ({"implied_volatility": "inf"}, "not between"),
        ({"index_price": "-1"}, "not between"),
        ({"strike": "90000"}, "not what its columns say"),
        ({"currency": "ETH"}, "not what its columns say"),
        ({"option_type": "straddle"}, "not what its columns say"),
        ({"expiry_datetime": "2026-02-13T08:00:00+00:00"}, "not what its columns say"),
        ({"expiry_datetime": "2026-02-06T08:00:00"}, "not a time"),
        ({"timestamp": "yesterday"}, "not a time"),
        ({"timestamp": "2026-01-28T09:00:00+00:00"}, "of another snapshot"),
        ({"instrument_name": "BTC-PERPETUAL"}, "not an option"),
        ({"instrument_name": "XAU-6FEB26-100000-C", "currency": "XAU"}, "is no instrument"),
        ({"instrument_name": "BTC"}, "is no instrument"),
        ({}, "is there already"),
        (
            {
                "instrument_name": "BTC-27JAN26-100000-C",
                "expiry_datetime": "2026-01-27T08:00:00+00:00",
            },
            "has expired",
        ),
    ],
)
def test_a_bad_row_is_left_out_and_told(tmp_path: Path, change: dict[str, str], told: str) -> None:
    other = {"instrument_name": "BTC-6FEB26-100000-P", "option_type": "put", "mark_price": "0.112"}
    chain = read_chain(write(tmp_path, {}, change, other))
    assert [quote.terms.type for quote in chain.quotes] == [InstrumentType.CALL, InstrumentType.PUT]
    (line,) = chain.refused
    assert line.startswith("deribit_options_snapshot_20260128T040047Z.csv:3: ")
    assert told in line
    assert "\n" not in line


def test_a_row_cut_off_in_the_middle_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, {}, {"instrument_name": "BTC-6FEB26-100000-P", "option_type": "put"})
    path.write_text(path.read_text()[:-40])
    chain = read_chain(path)
    assert len(chain.quotes) == 1
    assert chain.refused[0].startswith(f"{path.name}:3: ")


def test_a_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="no usable row"):
        read_chain(write(tmp_path))
    with pytest.raises(ChainError, match=r"no usable row.*not a number"):
        read_chain(write(tmp_path, {"strike": "x"}))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no column"),
        (b"timestamp,strike\n1,2\n", "no column ask_price"),
        (b"\xff\xfe\x00\x01", "not a text file"),
        (HEADER.encode() + b'"' + b"x" * 200_000 + b"\n", "not a CSV table"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "deribit_options_snapshot_20260128T040047Z.csv"
    path.write_bytes(content)
    with pytest.raises(ChainError, match=told):
        read_chain(path)


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(write(tmp_path, *({"remark": str(i)} for i in range(500))).read_bytes())
    path = tmp_path / "deribit_options_snapshot_20260128T092752Z.csv.gz"
    for damaged in (whole[:-20], whole[:40] + bytes(40) + whole[80:], b"not gzip at all"):
        path.write_bytes(damaged)
        with pytest.raises(ChainError, match=r"damaged or cut off|not a text file"):
            read_chain(path)


def test_a_missing_file_or_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="MILETUS_DATA"):
        read_chain(tmp_path / "absent.csv")
    with pytest.raises(ChainError, match="can't be read"):
        read_chain(tmp_path)
    with pytest.raises(ChainError, match="no such folder"):
        find_snapshots(tmp_path / "absent")
    with pytest.raises(ChainError, match="no file deribit_options_snapshot"):
        find_snapshots(tmp_path)
    (tmp_path / "deribit_options_snapshot_20261328T040047Z.csv").touch()
    with pytest.raises(ChainError, match="is no time"):
        find_snapshots(tmp_path)


def test_futures_beside_the_snapshot_are_taken(tmp_path: Path) -> None:
    chain = read_chain(write(tmp_path, {}))
    (tmp_path / "perpetual_futures_prices.csv").write_text(
        "snapshot_timestamp_ms,coin,perp_futures_mark_price,accepted_under_max_gap\n"
        "1769572847979,BTC,89950.5,True\n"
        "1769572847979,ETH,3000,False\n"
        "1769572847979,XAU,5000,True\n"
        "x,BTC,89950.5,True\n"
    )
    (tmp_path / "term_futures_marks.csv").write_text(
        "snapshot_timestamp_ms,currency,futures_instrument_name,snapshot_term_mark_price\n"
        "1769572847979,BTC,SYN.BTC-6FEB26,90100.25\n"
        "1769572847979,BTC,BTC-6FEB26-100000-C,1\n"
        "1769572847979,BTC,ETH-6FEB26,3000\n"
        "1769572847979,BTC,BTC-27MAR26,-5\n"
    )
    prices, refused = read_futures(tmp_path)
    assert [line.split(": ")[0] for line in refused] == [
        *(f"perpetual_futures_prices.csv:{line}" for line in (3, 4, 5)),
        *(f"term_futures_marks.csv:{line}" for line in (3, 4, 5)),
    ]
    both = with_futures(chain, prices)
    assert both.perpetual_usdc == {0: 89_950.5}
    assert list(both.forward_usdc.values()) == [90_100.25]
    assert read_futures(tmp_path / "absent") == ({}, ())


@pytest.fixture(scope="module")
def first() -> ChainSnapshot:
    return read_chain(find_snapshots(CHAINS)[0][1])


@needs_chains
def test_real_snapshots_are_found_in_order() -> None:
    found = find_snapshots(CHAINS)
    assert len(found) == sum(SNAPSHOT_NAME.fullmatch(p.name) is not None for p in CHAINS.iterdir())
    assert found == sorted(found)


@needs_chains
def test_every_row_of_a_real_snapshot_is_read(first: ChainSnapshot) -> None:
    assert first.refused == ()
    assert len(first.quotes) == 1_372
    assert set(first.index_usdc) == {0, 1}


@needs_chains
def test_linear_marks_of_a_real_snapshot_keep_put_call_parity(first: ChainSnapshot) -> None:
    calls = {q.terms: q for q in first.quotes if q.terms.type == InstrumentType.CALL}
    gaps = []
    for put in first.quotes:
        if put.terms.type == InstrumentType.PUT:
            name = put.terms.name[:-1] + "C"
            call = calls[parse_name(name)]
            strike = put.terms.strike_ticks / 100
            gaps.append(
                abs(call.mark_usdc - put.mark_usdc - (call.forward_usdc - strike)) / call.forward_usdc
            )
    assert len(gaps) == len(calls)
    assert max(gaps) < 1e-3
    assert math.fsum(gaps) / len(gaps) < 1e-4


@needs_chains
def test_futures_lie_beside_every_real_snapshot(first: ChainSnapshot) -> None:
    prices, refused = read_futures(CHAINS)
    assert refused == ()
    both = with_futures(first, prices)
    assert set(both.forward_usdc) == set(first.forward_usdc)
    for underlying, index_usdc in both.index_usdc.items():
        assert both.perpetual_usdc[underlying] != index_usdc
        assert abs(both.perpetual_usdc[underlying] / index_usdc - 1) < 0.01

"""Names of instruments, both ways, and the catalogue that numbers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miletus.engine.params import MAX_INSTRUMENTS
from miletus.market.errors import InstrumentNameError, MarketError
from miletus.market.instruments import Catalogue, build_chain, get_grid
from miletus.market.names import InstrumentType, Terms, format_name, parse_name

EXPIRY_S = 1_774_598_400
"""27 March 2026, 08:00 UTC."""

FIRST_DAY, LAST_DAY = 10_957, 47_481
"""Days since 1970 of 1 January 2000 and 31 December 2099."""


@st.composite
def every_terms(draw: st.DrawFn) -> Terms:
    kind = draw(st.sampled_from(InstrumentType))
    option = kind in (InstrumentType.CALL, InstrumentType.PUT)
    expiry_s = draw(st.integers(FIRST_DAY, LAST_DAY)) * 86_400 + 28_800
    return Terms(
        draw(st.integers(0, 1)),
        0 if kind == InstrumentType.PERPETUAL else expiry_s,
        draw(st.integers(1, 2**28 - 1)) if option else 0,
        kind,
    )


@given(every_terms())
def test_a_name_is_read_back_as_it_was_written(terms: Terms) -> None:
    assert parse_name(format_name(terms)) == terms


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("BTC_USDC-PERPETUAL", Terms(0, 0, 0, InstrumentType.PERPETUAL)),
        ("ETH_USDC-27MAR26", Terms(1, EXPIRY_S, 0, InstrumentType.FUTURE)),
        ("BTC_USDC-27MAR26-90000-C", Terms(0, EXPIRY_S, 9_000_000, InstrumentType.CALL)),
        ("ETH_USDC-27MAR26-2512d5-P", Terms(1, EXPIRY_S, 251_250, InstrumentType.PUT)),
        ("ETH_USDC-6FEB26-0d05-P", Terms(1, 1_770_364_800, 5, InstrumentType.PUT)),
    ],
)
def test_names_of_the_venue_that_traders_know(name: str, terms: Terms) -> None:
    assert parse_name(name) == terms
    assert format_name(terms) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "BTC-27MAR26-90000-C",
        "DOGE_USDC-PERPETUAL",
        "BTC_USDC-PERPETUAL ",
        "BTC_USDC-30FEB26",
        "BTC_USDC-06FEB26",
        "BTC_USDC-6feb26",
        "BTC_USDC-6FOO26",
        "BTC_USDC-6FEB26-90000",
        "BTC_USDC-6FEB26-0-C",
        "BTC_USDC-6FEB26-90000d-C",
        "BTC_USDC-6FEB26-90000d50-C",
        "BTC_USDC-6FEB26-9999999-C",
        "BTC_USDC-6FEB26-90000-C\n",
        "BTC_USDC-6FEB26-9٠000-C",
        "BTC_USDC-6FEB26-9" + "0" * 5_000 + "-C",
    ],
)
def test_what_is_no_name_gets_one_clear_line(name: str) -> None:
    with pytest.raises(InstrumentNameError, match=r"write it like|must be from") as error:
        parse_name(name)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_terms_without_a_name_are_refused() -> None:
    with pytest.raises(InstrumentNameError, match="08:00:00"):
        format_name(Terms(0, EXPIRY_S + 1, 0, InstrumentType.FUTURE))
    with pytest.raises(InstrumentNameError, match="has no coin"):
        format_name(Terms(2, 0, 0, InstrumentType.PERPETUAL))


def test_the_catalogue_gives_each_number_once() -> None:
    catalogue = Catalogue()
    chain = build_chain(0, EXPIRY_S, [9_000_000, 9_500_000])
    added = catalogue.add_missing(chain)
    assert [each.number for each in added] == [0, 1, 2, 3, 4]
    assert catalogue.add_missing(chain) == []
    assert catalogue.of(0) == added
    assert catalogue.of(1) == []
    assert catalogue.expired(EXPIRY_S - 1) == []
    assert catalogue.expired(EXPIRY_S) == added
    catalogue.remove(2)
    assert catalogue.add(chain[2]).number == 5
    with pytest.raises(MarketError, match="not listed"):
        catalogue.remove(2)
    with pytest.raises(MarketError, match="listed already"):
        catalogue.add(chain[0])


def test_the_catalogue_ends_where_the_machine_has_no_room() -> None:
    catalogue = Catalogue(int(MAX_INSTRUMENTS) - 1)
    first, second = build_chain(0, EXPIRY_S, [], True), build_chain(1, EXPIRY_S, [], True)
    assert catalogue.add(first[0]).number == MAX_INSTRUMENTS - 1
    with pytest.raises(MarketError, match="numbers are used"):
        catalogue.add(second[0])


@pytest.mark.rule("06-R10")
def test_grids_are_what_a_listing_takes() -> None:
    for underlying in (0, 1):
        for kind in InstrumentType:
            grid = get_grid(Terms(underlying, EXPIRY_S, 100, kind))
            assert grid.tick_step >= 1
            assert grid.lot_step >= 1
            assert grid.min_size > 0
            assert grid.min_size % grid.lot_step == 0
            assert grid.min_size <= 2**24

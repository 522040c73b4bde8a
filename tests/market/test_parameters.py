"""Published parameters: what is written and read, and what no sheet can be computed from."""

from dataclasses import replace

import pytest

from miletus.market.errors import SheetError
from miletus.market.instruments import Catalogue
from miletus.market.parameters import PICO, decode_parameters, encode_parameters, quantise
from miletus.market.sheet import compute_sheet, find_differences
from miletus.market.surface import Slice, Surface
from tests.market.example import FAR_S, NEAR_S, NOW_S, make_instruments, make_parameters


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"forward_ticks": 0}, "forward_ticks"),
        ({"forward_ticks": 2**28}, "forward_ticks"),
        ({"b_pico": -1}, "must not be negative"),
        ({"sigma_pico": -1}, "must not be negative"),
        ({"rho_pico": PICO + 1}, "no smile"),
        ({"a_pico": 10**15 + 1}, "no smile"),
        ({"open_s": 1_801}, "no average"),
        ({"open_s": -1}, "no average"),
        ({"fixed_sum": 1}, "no average"),
        ({"open_s": 900, "fixed_sum": 900 * 2**28}, "no average"),
    ],
)
def test_parameters_without_a_sheet_are_refused(change: dict[str, int], told: str) -> None:
    p = make_parameters()
    bad = replace(p, expiries=(replace(p.expiries[0], **change), p.expiries[1]))
    with pytest.raises(SheetError, match=told):
        compute_sheet([], bad)
    with pytest.raises(SheetError, match=told):
        decode_parameters(encode_parameters(bad))


def test_what_is_no_publication_is_refused() -> None:
    p = make_parameters()
    good = encode_parameters(p)
    assert decode_parameters(good) == p
    with pytest.raises(SheetError, match="index_ticks 0"):
        decode_parameters(encode_parameters(replace(p, index_ticks=0)))
    with pytest.raises(SheetError, match="order expiries"):
        decode_parameters(encode_parameters(replace(p, expiries=p.expiries[::-1])))
    for bad in (
        b"",
        b"[]",
        b"{}",
        b"null",
        good[:-1],
        good.replace(b'"time_s":', b'"time_s":1.'),
        good.replace(b'"open_s":1800', b'"open_s":true'),
        good.replace(b'"open_s":1800', b'"other":1800'),
        good.replace(b'"expiries":[', b'"expiries":[7,'),
        b'{"expiries":' + b"[" * 100_000,
        b"\xff",
    ):
        with pytest.raises(SheetError, match="give the JSON"):
            decode_parameters(bad)


def test_quantised_parameters_are_the_surface() -> None:
    part = Slice(0.012345678901234, 0.2, -0.3, 0.01, 0.2)
    p = quantise(
        Surface(NOW_S, {FAR_S: part}), 0, 8_900_000, 8_900_000, {NEAR_S: 8_900_000, FAR_S: 9_000_000}
    )
    near, far = p.expiries
    assert far.a_pico == 12_345_678_901
    assert (far.rho_pico, far.fixed_sum, far.open_s) == (-300_000_000_000, 0, 1_800)
    assert (near.b_pico, near.forward_ticks) == (0, 8_900_000)


def test_a_tampered_sheet_is_seen() -> None:
    instruments = make_instruments(Catalogue())
    p = make_parameters()
    sheet = compute_sheet(instruments, p)
    assert find_differences(sheet, compute_sheet(instruments, decode_parameters(encode_parameters(p)))) == []
    for change in (
        {"mark_ticks": sheet[5].mark_ticks + 1},
        {"delta": sheet[5].delta - 1},
        {"gamma": sheet[5].gamma + 1},
        {"scenarios": (*sheet[5].scenarios[:15], sheet[5].scenarios[15] + 1)},
    ):
        assert find_differences(sheet, sheet | {5: replace(sheet[5], **change)}) == [5]
    assert find_differences(sheet, {n: e for n, e in sheet.items() if n != 5}) == [5]
    # the last digit of a parameter shows too
    first, *others = p.expiries
    other = replace(p, expiries=(replace(first, a_pico=first.a_pico + 1_000_000), *others))
    assert find_differences(sheet, compute_sheet(instruments, other)) != []

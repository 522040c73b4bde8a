"""The numbers that the page's mathematics is tested with are those that the exchange's code gives now."""

import json
import math
from typing import Any

from tests.page.analysis_cases import PATH, make_cases


def find_differences(kept: Any, made: Any, place: str = "") -> list[str]:
    """Where two documents differ by more than the last digits of a float."""
    if isinstance(kept, dict) and isinstance(made, dict) and kept.keys() == made.keys():
        return [each for name in kept for each in find_differences(kept[name], made[name], f"{place}.{name}")]
    if isinstance(kept, list) and isinstance(made, list) and len(kept) == len(made):
        pairs = enumerate(zip(kept, made, strict=True))
        return [each for n, (a, b) in pairs for each in find_differences(a, b, f"{place}[{n}]")]
    if isinstance(kept, float) and isinstance(made, int | float):
        return [] if math.isclose(kept, made, rel_tol=1e-9, abs_tol=1e-300) else [place]
    return [] if kept == made else [place]


def test_the_cases_are_what_the_exchange_computes_now() -> None:
    differences = find_differences(json.loads(PATH.read_text()), json.loads(json.dumps(make_cases())))
    assert differences == [], "run python -m tests.page.analysis_cases, and then the page's tests"


def test_a_case_that_is_not_what_is_computed_is_noticed() -> None:
    cases = json.loads(PATH.read_text())
    cases["prices"][3]["price"] *= 1.000001
    cases["markets"][0]["portfolios"][1]["initial"] += 1
    del cases["markets"][1]["quotes"][0]
    differences = find_differences(cases, json.loads(json.dumps(make_cases())))
    assert differences == [
        ".prices[3].price",
        ".markets[0].portfolios[1].initial",
        ".markets[1].quotes",
    ]

"""The tool that holds the specification against the tests."""

from pathlib import Path

import pytest
import rules

from tests.house.repository import ROOT


def make_repository(folder: Path, *, spec: str, python: str = "", go: str = "") -> Path:
    for name, text in {
        "spec/05-margin.md": spec,
        "tests/engine/test_margin.py": python,
        "circuits/steps/margin_test.go": go,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return folder


def complain(root: Path) -> list[str]:
    return rules.compute_complaints(rules.find_rules(root), rules.find_citations(root))


def test_no_test_cites_a_rule_that_does_not_exist() -> None:
    known, cited = rules.find_rules(ROOT), rules.find_citations(ROOT)
    assert sorted(set(cited) - set(known)) == []


def test_rules_that_are_cited_give_no_complaint(tmp_path: Path) -> None:
    root = make_repository(
        tmp_path,
        spec="# 05 Margin\n\n- **05-R01** One.\n- **05-R02** Two, see 05-R01.\n- **05-R03** Three.\n",
        python='@pytest.mark.rule("05-R01", "05-R02")\ndef test_margin() -> None: ...\n',
        go="// rule: 05-R02, 05-R03\nfunc TestMargin(t *testing.T) {}\n",
    )
    assert complain(root) == []


@pytest.mark.parametrize(
    ("spec", "python", "complaint"),
    [
        ("- **05-R01** One.", "", "spec/05-margin.md:1: 05-R01 is cited by no test"),
        (
            "",
            '\n@pytest.mark.rule("05-R09")\ndef t(): ...',
            "tests/engine/test_margin.py:2: 05-R09 is no rule",
        ),
        ("", "@pytest.mark.rule(RULE)\ndef t(): ...", "tests/engine/test_margin.py:1: RULE is no rule"),
        (
            "- **05-R01** One.\n- **05-R01** Again.",
            '@pytest.mark.rule("05-R01")\ndef t(): ...',
            "spec/05-margin.md:2: 05-R01 is already a rule at spec/05-margin.md:1",
        ),
    ],
)
def test_each_fault_is_reported(tmp_path: Path, spec: str, python: str, complaint: str) -> None:
    assert complain(make_repository(tmp_path, spec=spec, python=python)) == [complaint]

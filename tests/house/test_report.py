"""The page of benchmarks: sections take the place of older ones, and a failure is told."""

import re
from pathlib import Path

import pytest

from benchmarks import report


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "benchmarks.md"
    monkeypatch.setattr(report, "PAGE", path)
    return path


def get_headings(page: Path) -> list[str]:
    return re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)


def test_a_section_takes_the_place_of_its_last_one(page: Path) -> None:
    report.write_section("root", "first\n\n### its own\n\nrows")
    report.write_section("engine", "words")
    report.write_section("root", "second")
    assert get_headings(page) == ["Engine", "Root"]
    text = page.read_text()
    assert text.startswith(report.HEAD)
    assert "second" in text
    assert "first" not in text
    assert "words" in text


def test_what_no_benchmark_makes_any_more_goes(page: Path) -> None:
    page.write_text("# Benchmarks\n\n## Gone\n\nold\n\n## Root\n\nstays\n")
    report.write_section("engine", "words")
    assert get_headings(page) == ["Engine", "Root"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise SystemExit('no oil')", "exit code 1: no oil"),
        ("print('{}'); raise ValueError('bad')", "exit code 1: ValueError: bad"),
        ("print('no figures')", "its last line is no JSON object"),
        ("pass", "its last line is no JSON object"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9: "),
        ("import time; time.sleep(600)", "not done within 1 s"),
    ],
)
def test_a_failure_is_told(code: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing.py").write_text(code)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "LIMIT_SECONDS", 1 if "sleep" in code else 120)
    assert report.run("failing", [], interpreted=False) == {"failed": why}


def test_the_last_line_is_what_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good.py").write_text("print('noise'); print('{\"words\": 3}')")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    assert report.run("good", [], interpreted=False) == {"words": 3}


def test_one_that_fails_is_in_the_page_and_the_others_are_run(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"benchmarks.bench_root": {"failed": "no oil"}, "benchmarks.bench_gas": {"gas": 5}}
    monkeypatch.setattr(report, "run", lambda module, arguments, interpreted: found[module])
    monkeypatch.setattr("sys.argv", ["report", "root", "gas"])
    assert report.main() == 1
    assert get_headings(page) == ["Gas", "Root"]
    assert "**It failed in this run**: `no oil`" in page.read_text()
    assert "| gas | 5 |" in page.read_text()

"""The circuit's table of the state is the engine's."""

import subprocess
import sys
from pathlib import Path

import pytest
from generate_circuit_layout import PATH, generate, write_name

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "generate_circuit_layout.py"


def test_the_generated_table_is_current() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_of_the_layout_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from miletus.engine import packing

    text = (ROOT / PATH).read_text()
    assert generate() == text
    changed = [list(kind) for kind in packing.PACKING]
    changed[1] = changed[1][::-1]
    monkeypatch.setattr(packing, "PACKING", changed)
    assert generate() != text


def test_names_are_the_engines_in_gos_form() -> None:
    assert write_name("FIRST_POSITION") == "FirstPosition"
    text = " ".join(generate().split())
    assert "MachineRegion = 805306368" in text
    assert "RegisterExpiryS = 12" in text
    assert '{"ExpiryS", 40, false},' in text


def test_the_generated_constants_are_current() -> None:
    script = ROOT / "scripts" / "generate_circuit_constants.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr

"""`python -m miletus.cli` is the command miletus."""

from miletus.cli.main import app

app()

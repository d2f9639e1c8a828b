"""`benchmarks/yields.py`: rows made of each task, and what kept more from being made."""

from click.testing import CliRunner

from benchmarks.yields import main


def test_missing_rows_come_with_their_causes() -> None:
    done = CliRunner().invoke(main, ["--rows", "500", "--task", "inter/locate"], catch_exceptions=False)
    first, *causes = done.output.splitlines()[-2:]
    assert first.startswith("inter/locate")
    assert "of 500 rows" in first
    (cause,) = causes
    assert cause.startswith("    ")
    assert "photos" in cause

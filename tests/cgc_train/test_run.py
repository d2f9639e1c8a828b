"""A run's folder is read only as far as it belongs to the run, and what prevents resuming is a one-line error."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cgc_train.cli import cli
from cgc_train.errors import RunError
from cgc_train.run import create_run, written_to_disk
from tests.cgc_train.conftest import made_recipe


def test_completions_of_something_else_are_refused(run_values: dict[str, Any], tmp_path: Path) -> None:
    run = create_run(tmp_path / "run", made_recipe(run_values))
    (run.folder / "completions").mkdir(exist_ok=True)
    pq.write_table(pa.table({"prompt": ["?"]}), run.folder / "completions/completions_00003.parquet")
    assert run.completion_steps() == [3]
    with pytest.raises(RunError, match="contains no completions; choose another step"):
        run.completions(3)


def test_a_folder_that_is_removed_while_it_is_written_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match="was removed while the command ran; start again"),
        written_to_disk(tmp_path / "gone", "go on"),
    ):
        (tmp_path / "gone" / "file").write_text("lost")


def test_another_fault_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), written_to_disk(tmp_path, "go on"):
        tmp_path.write_text("a folder is there")


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "no checkpoint yet"), (("--recipe", "tiny-cpu"), "differs in")],
    ids=["nothing to go on from", "another recipe"],
)
def test_the_command_says_why_it_does_not_go_on(
    run_values: dict[str, Any], tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    create_run(tmp_path / "run", made_recipe(run_values))
    done = CliRunner().invoke(cli, ["resume", str(tmp_path / "run"), *options])
    assert isinstance(done.exception, RunError)
    assert said in str(done.exception)

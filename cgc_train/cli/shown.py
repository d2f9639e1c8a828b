"""The output that the training commands print at the end."""

from typing import TYPE_CHECKING

from cgc_data.common.progress import show
from cgc_data.common.tables import PlainConsole

if TYPE_CHECKING:
    from cgc_train.run import Run


def show_outcome(run: "Run", then: str = "") -> None:
    """Print held-out metrics before and after training, the model folder, and the next command. Only the main process
    prints.
    """
    from accelerate import PartialState

    from cgc_train.outcome import change_table, held_out_change

    if not PartialState().is_main_process:
        return
    if found := held_out_change(run):
        PlainConsole().print(change_table(found))
    show(f"trained: {run.model_folder}\nto inspect it: cgc-train view {run.folder}")
    if then:
        show(f"next: {then}")

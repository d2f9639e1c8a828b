"""Intra-image contrast: a Focus View near an object and wider Context Views of the same photo."""

from collections.abc import Sequence

import numpy as np

from cgc_data.plan.askable import Askable
from cgc_data.plan.balance import AbsentBalance
from cgc_data.plan.rows import Family
from cgc_data.plan.same_object import SameObjectPlanner
from cgc_data.plan.window_sets import WindowSetPlanner


class IntraPlanner:
    """Composes the families of one photo."""

    def __init__(self, askable: Askable) -> None:
        self._same_object = SameObjectPlanner(askable)
        self._sets = WindowSetPlanner(askable)

    def family(
        self, photo: int, tasks: Sequence[str], balance: AbsentBalance, rng: np.random.Generator
    ) -> Family | None:
        """Questions about windows of this photo, of the first task that it allows; None where it allows none."""
        for task in tasks:
            if task == "same_object":
                questions = self._same_object.questions(photo, rng)
            else:
                questions = self._sets.questions(photo, balance, rng)
            if questions:
                return Family(tuple(questions), (photo,))
        return None

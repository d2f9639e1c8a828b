"""The order in which prompts are trained on: a function of seed and epoch alone, so that a resumed run goes on exactly.

TRL draws all epochs from one generator, whose state a checkpoint does not hold: from the second epoch on a resumed run
would see another order.
"""

from collections.abc import Iterator, Sequence

from cgc_train.data.select import epoch_order


class EpochSampler:
    """Indices of a training set as TRL's `RepeatSampler` gives them, in an order that is known for every epoch.

    Every prompt comes `group` times in a row, `prompts` different ones make a generation batch, and that batch comes
    `repeats` times, since TRL asks for it at every step that learns from it. What does not fill a batch is left out.
    """

    def __init__(
        self, count: int, *, group: int, prompts: int, repeats: int, seed: int, grades: Sequence[int] | None = None
    ) -> None:
        self.count, self.group, self.prompts, self.repeats = count, group, prompts, repeats
        self.seed, self.grades, self.epoch = seed, grades, 0

    def set_epoch(self, epoch: int) -> None:
        """Give the order of this epoch (from 0) from the next iteration on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        order = epoch_order(self.count, self.seed, self.epoch, self.grades).tolist()
        for start in range(0, self.count - self.prompts + 1, self.prompts):
            chunk = order[start : start + self.prompts]
            for _ in range(self.repeats):
                for index in chunk:
                    yield from [index] * self.group

    def __len__(self) -> int:
        return (self.count // self.prompts) * self.prompts * self.group * self.repeats

"""Orders the training prompts. The order depends only on the seed and the epoch, so a resumed run continues with the
same prompts.

TRL's sampler shuffles all epochs with one random generator, whose state is not saved in checkpoints. From the second
epoch on, a resumed run would therefore see a different order.
"""

from collections.abc import Iterator, Sequence

from cgc_train.data.select import epoch_order


class EpochSampler:
    """Yields indices of a training set, like TRL's `RepeatSampler`. The order depends only on the seed and the epoch.

    Every prompt is repeated `group` times in succession. A generation batch consists of `prompts` different prompts.
    Each batch is repeated `repeats` times, once for each training step that uses it. Remaining prompts that do not fill
    a batch are skipped.
    """

    def __init__(
        self, count: int, *, group: int, prompts: int, repeats: int, seed: int, grades: Sequence[int] | None = None
    ) -> None:
        self.count, self.group, self.prompts, self.repeats = count, group, prompts, repeats
        self.seed, self.grades, self.epoch = seed, grades, 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0. The order changes when you next iterate over the sampler."""
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

"""A version of TRL's GRPOTrainer that learns from a group of completions only if their rewards differ.

All other groups are replaced by groups of completions for new prompts, or get an advantage of zero.

Completions are generated and rewarded in rounds before TRL's own sampling step. TRL then uses the selected completions
instead of sampling again. It computes probabilities and advantages for these completions only, and it logs no other
completions.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from accelerate.utils import gather_object
from trl import GRPOTrainer
from trl.data_utils import prepare_multimodal_messages

from cgc_train.groups import Sampled, further_rows, idle_groups, replaced, whole_groups
from cgc_train.protocols import Completion, TrainingRow
from cgc_train.recipe import GroupSettings


class GroupTrainer(GRPOTrainer):  # type: ignore[misc]
    """GRPO trainer with the recipe's `groups` settings. With default settings, this class behaves exactly like TRL's
    trainer.

    Args:
        groups: the settings that determine which groups are useful, and how many extra sampling rounds can replace the
            other groups.
        grades: curriculum grades of the training rows. New prompts are drawn only from grades that occur in the batch.
            None: new prompts are drawn from all rows.
        given: arguments of TRL's GRPOTrainer.
    """

    def __init__(
        self, *, groups: GroupSettings | None = None, grades: Sequence[int] | None = None, **given: object
    ) -> None:
        super().__init__(**given)
        self._groups, self._grades = groups or GroupSettings(), grades
        self._places: dict[str, int] = {}  # indices of the training rows by id, filled when new rows are first drawn
        self._generated: tuple[Any, ...] | None = None  # the completions for the next training step
        self._rewards: list[float] = []  # rewards of the last completions, from all processes

    def _generate(self, prompts: object) -> Any:
        generated, self._generated = self._generated, None
        return generated or super()._generate(prompts)

    def _calculate_rewards(
        self,
        inputs: Sequence[TrainingRow],
        prompts: object,
        completions: Sequence[Completion],
        completion_ids_list: object,
    ) -> Any:
        rewards = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._rewards = (rewards * self.reward_weights.to(rewards.device)).nansum(dim=1).tolist()
        return rewards

    def _generate_and_score_completions(self, inputs: Sequence[TrainingRow]) -> Any:
        if not self.model.training or self._groups == GroupSettings():
            return super()._generate_and_score_completions(inputs)
        if self._groups.resample:
            inputs = self._choose(inputs)
        return self._gated(super()._generate_and_score_completions(inputs))

    def _choose(self, rows: Sequence[TrainingRow]) -> list[TrainingRow]:
        """Generate completions for this process's rows, and replace useless groups in up to `resample` extra rounds.
        Returns the rows that this process learns from.
        """
        batch = self._sampled(rows)
        asked = {self._place(entry.row["id"]) for entry in batch}
        key = self._key(asked)
        idle = self._idle()
        self._log_groups("idle_sampled", len(idle) * self.num_generations / len(batch))
        completions = rounds = 0
        while idle and rounds < self._groups.resample:
            wanted = whole_groups(len(idle), self.num_generations, self.accelerator.num_processes)
            drawn = further_rows(asked, wanted, [*key, rounds], len(self.train_dataset), self._grades)
            if not drawn:
                break
            others = self._sampled(self._share(drawn))
            batch = replaced(batch, idle, others, self._idle(), self.num_generations)
            idle = self._idle([entry.reward for entry in batch])
            asked, completions, rounds = {*asked, *drawn}, completions + len(others), rounds + 1
        self._log_groups("extra_completions", completions)
        self._log_groups("extra_rounds", rounds)
        start = self.accelerator.process_index * len(rows)
        return self._kept(batch[start : start + len(rows)])

    def _sampled(self, rows: Sequence[TrainingRow]) -> list[Sampled]:
        """Generate completions for this process's rows. Returns the completions of all processes, group by group."""
        prompts = [prepare_multimodal_messages(row["prompt"], images=row["images"]) for row in rows]
        prompt_ids, completion_ids, _, completions, logprobs, *_ = super()._generate(prompts)
        self._calculate_rewards(rows, prompts, completions, completion_ids)
        # the chosen completions are rewarded again, and logged then
        self._pending_metrics.clear()
        self._pending_extra_logs.clear()
        parts = (rows, prompt_ids, completion_ids, completions, logprobs or [None] * len(rows))
        everything: Any = gather_object(list(zip(*parts, strict=True)))
        return [
            Sampled(row, asked, answered, completion, scores, reward)
            for (row, asked, answered, completion, scores), reward in zip(everything, self._rewards, strict=True)
        ]

    def _kept(self, entries: Sequence[Sampled]) -> list[TrainingRow]:
        """Store the given completions, which TRL then uses instead of sampling again. Returns the rows of these
        completions.
        """
        logprobs = [entry.logprobs for entry in entries]
        completions: list[Completion] = [entry.completion for entry in entries]
        ids = [entry.prompt_ids for entry in entries], [entry.completion_ids for entry in entries]
        # no tools, no extra columns, and the images in the rows
        self._generated = (*ids, None, completions, None if logprobs[0] is None else logprobs, {}, None, [])
        return [entry.row for entry in entries]

    def _gated(self, scored: Any) -> Any:
        """Set the advantage of useless groups to zero, both in the batch and in the saved completions."""
        idle, size = self._idle(), self.num_generations
        self._log_groups("idle", len(idle) * size / len(self._rewards))
        places = {place for group in idle for place in range(group * size, (group + 1) * size)}
        for place in places:
            self._logs["advantages"][place - len(self._rewards)] = 0.0
        count = len(scored["advantages"])
        start = self.accelerator.process_index * count
        for place in places & set(range(start, start + count)):
            scored["advantages"][place - start] = 0.0
        return scored

    def _idle(self, rewards: Sequence[float] | None = None) -> list[int]:
        return idle_groups(self._rewards if rewards is None else rewards, self.num_generations, self._groups)

    def _share(self, drawn: Sequence[int]) -> list[TrainingRow]:
        """The drawn rows that this process answers. Each row occurs once for every completion of its group."""
        repeated = [place for place in drawn for _ in range(self.num_generations)]
        each = len(repeated) // self.accelerator.num_processes
        start = self.accelerator.process_index * each
        return [self.train_dataset[place] for place in repeated[start : start + each]]

    def _place(self, identity: str) -> int:
        if not self._places:
            self._places = {name: place for place, name in enumerate(self.train_dataset["id"])}
        return self._places[identity]

    def _key(self, asked: set[int]) -> list[int]:
        """Random key for drawing new prompts.

        The key depends only on the seed, the step, and the batch, so a resumed run draws the same prompts.
        """
        name = hashlib.sha256(",".join(map(str, sorted(asked))).encode()).digest()
        return [self.args.seed, self.state.global_step, int.from_bytes(name[:8], "big")]

    def _log_groups(self, name: str, value: float) -> None:
        self._metrics["train"][f"groups/{name}"].append(float(value))

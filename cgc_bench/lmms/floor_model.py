"""A model for lmms-eval that returns trivial answers: `--model cgc_floor --model_args floor=whole_image`."""

from typing import Any

from lmms_eval.api.model import lmms

from cgc_bench.errors import TaskError
from cgc_bench.lmms.ending import end
from cgc_bench.lmms.tasks import item_of
from cgc_bench.scoring.benchmark import benchmark

EARLIER = {"centre box": "center box"}  # the name in earlier versions


class Floor(lmms):  # type: ignore[misc]
    """Answers a benchmark of this project with one of the benchmark's floors. A floor is a trivial answer that ignores
    the images. In a floor's name, you can write underscores instead of spaces.
    """

    is_simple = True

    def __init__(self, floor: str = "whole_image", **_: Any) -> None:
        super().__init__()
        self.device = "cpu"  # lmms-eval gathers counts here if several processes share the work
        name = floor.replace("_", " ")
        self.floor = EARLIER.get(name, name)

    def generate_until(self, requests: Any) -> list[str]:
        """The floor's answer to each request. If the benchmark does not have the floor, the process ends with a
        one-line error.
        """
        try:
            return [self._answer(*request.args[-3:]) for request in requests]
        except TaskError as error:
            end(error)

    def _answer(self, place: int, task: str, split: str) -> str:
        doc = self.task_dict[task][split][place]
        if "cgc_benchmark" not in doc:
            raise TaskError(f"{task} is not one of our tasks, so it has no floors")
        bench = benchmark(doc["cgc_benchmark"])
        if self.floor not in bench.floors:
            raise TaskError(f"{bench.name} has no floor {self.floor!r}; choose from {', '.join(bench.floors)}")
        return bench.floor_response(self.floor, item_of(doc))

    def loglikelihood(self, requests: Any) -> Any:  # noqa: ARG002 - the signature is lmms-eval's
        """Not supported, because floors generate answers, not likelihoods. Raises TaskError."""
        raise TaskError("floors generate answers, not likelihoods")

    def generate_until_multi_round(self, requests: Any) -> Any:  # noqa: ARG002 - as above
        """Not supported: floors answer once. Raises TaskError."""
        raise TaskError("floors answer each request only once, not in several rounds")

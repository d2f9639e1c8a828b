"""The reward as ms-swift, EasyR1 and verl load and call it, on the files that `cgc-data export` writes."""

import importlib.util
import inspect
import json
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

import cgc_train.plugins
from cgc_data.answer import Object, format_answer, format_response, read_list
from cgc_data.common.errors import MissingExtraError
from cgc_data.export import export_release
from cgc_data.metrics import truth_of
from cgc_data.release.read import open_release
from cgc_train.errors import RecipeError, TrainingDataError
from cgc_train.plugins import exported, swift_reward
from cgc_train.plugins.exported import exported_truth, without_end
from cgc_train.reward import TERMS, RewardSettings, score
from tests.cgc_train.made_rows import made_row, some_rows, write_release

FOLDER = Path(cgc_train.plugins.__file__).parent
ROWS = some_rows()
BY_ID = {row["id"]: row for row in ROWS}
WRONG = format_response([Object(1, (0, 0, 500, 500), "dog")], "Looked.")
Row = dict[str, Any]


def right(answer: str) -> str:
    return format_response(read_list(answer, 9).objects, "Looked.")


def expected(row_id: str, response: str, **settings: Any) -> Any:
    return score(response, truth_of(BY_ID[row_id]), RewardSettings(**settings))


def load(name: str) -> ModuleType:
    """A plugin as EasyR1 and verl load it: by path, under a name of theirs."""
    spec = importlib.util.spec_from_file_location("custom_module", FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release exported for each trainer."""
    release = open_release(write_release(tmp_path_factory.mktemp("made") / "release", ROWS))
    out = tmp_path_factory.mktemp("exports")
    export_release(release, out / "swift", "swift")
    export_release(release, out / "easyr1", "easyr1")
    export_release(release, out / "verl", "verl")
    return out


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class TestSwift:
    """ms-swift makes `orms[name](args=...)` and calls it with the texts and every column as a list."""

    class ORM:
        def __init__(self, args: Any = None, **kwargs: Any) -> None:
            self.args = args

    def batch(self, folder: Path) -> Row:
        rows = lines(folder / "swift" / "train.jsonl")
        return {name: [row[name] for row in rows] for name in rows[0]} | {"trainer_state": None}

    @pytest.mark.parametrize("answer", [right, lambda _: WRONG], ids=["right", "wrong"])
    def test_terms_are_those_of_the_reward(self, folder: Path, answer: Any) -> None:
        columns = self.batch(folder)
        texts = [answer(solution) for solution in columns["solution"]]
        classes = swift_reward.reward_classes(self.ORM)
        miou, form = (classes[name](args="GRPOConfig") for name in ("cgc_miou", "cgc_format"))
        terms = [expected(key, text) for key, text in zip(columns["id"], texts, strict=True)]
        assert miou(texts, **columns) == [term.miou for term in terms]
        assert form(texts, **columns) == [term.format for term in terms]
        assert isinstance(miou, self.ORM)
        assert miou.args == "GRPOConfig"

    def test_it_is_constructed_as_its_base_is(self) -> None:
        (first, *_) = swift_reward.reward_classes(self.ORM).values()
        assert list(inspect.signature(first.__init__).parameters) == ["self", "args", "kwargs"]  # type: ignore[misc]
        assert first.__name__ == "cgc_miou", "the name that ms-swift logs it under"

    def test_solution_alone_is_enough(self, folder: Path) -> None:
        solution = self.batch(folder)["solution"]
        miou = swift_reward.reward_classes(self.ORM)["cgc_miou"]()
        assert miou([right(answer) for answer in solution], solution=solution) == [1.0] * len(ROWS)

    def test_each_response_is_read_once(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        read, real = Counter[str](), exported.score

        def counted(response: str, *arguments: Any) -> Any:
            read[response] += 1
            return real(response, *arguments)

        monkeypatch.setattr(exported, "score", counted)
        columns = self.batch(folder)
        texts = [f"{number} {right(answer)}" for number, answer in enumerate(columns["solution"])]
        for made in swift_reward.reward_classes(self.ORM).values():
            made()(texts, **columns)
        assert read == dict.fromkeys(texts, 1)

    def test_settings(self, folder: Path) -> None:
        columns = self.batch(folder)
        texts = [WRONG] * len(ROWS)
        made = swift_reward.reward_classes(self.ORM, {"power": 2, "task_weights": {"inter/locate": 3}})["cgc_miou"]()
        wanted = [expected(key, WRONG, power=2, task_weights={"inter/locate": 3}).miou for key in columns["id"]]
        assert made(texts, **columns) == wanted
        assert len(set(wanted)) > 1

    @pytest.mark.skipif(importlib.util.find_spec("swift") is not None, reason="ms-swift is installed")
    def test_without_swift_it_imports_and_says_what_is_missing(self) -> None:
        load("swift_reward")
        with pytest.raises(MissingExtraError, match=r"needs ms-swift 4 .*pip install 'ms-swift>=4'"):
            swift_reward.register()

    def test_loaded_by_its_path_it_registers_itself(self, tmp_path: Path) -> None:
        """As `--external_plugins` does: its folder first on the path, and an import by the name of the file."""
        package = tmp_path / "site" / "swift"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "rewards.py").write_text(
            "class ORM:\n    def __init__(self, args=None, **kwargs):\n        self.args = args\norms = {}\n"
        )
        solution = format_answer([Object(2, (1, 2, 3, 4), "dog")])
        code = (
            f"import sys; sys.path.append({str(tmp_path / 'site')!r}); import swift.rewards\n"
            f"sys.path.insert(0, {str(FOLDER)!r}); import importlib; importlib.import_module('swift_reward')\n"
            f"made = swift.rewards.orms['cgc_miou'](args=None)\n"
            f"print(made([{right(solution)!r}], solution=[{solution!r}]), sorted(swift.rewards.orms))"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert found.stdout.strip() == f"[1.0] {sorted(f'cgc_{term.name}' for term in TERMS)}", found.stderr


class TestEasyR1:
    """EasyR1 calls the function with `response`, `response_length` and `ground_truth` of each response."""

    def inputs(self, folder: Path, answer: Any) -> list[Row]:
        rows = lines(folder / "easyr1" / "train.jsonl")
        return [{"response": answer(r["answer"]), "response_length": 9, "ground_truth": r["answer"]} for r in rows]

    def test_a_batch(self, folder: Path) -> None:
        module = load("easyr1_reward")
        assert (module.REWARD_NAME, module.REWARD_TYPE) == ("cgc", "batch")
        found = module.compute_score(self.inputs(folder, right))
        assert found == [{"overall": 2.0, "format": 1.0, "accuracy": 1.0, "miou": 1.0}] * len(ROWS)

    def test_one_at_a_time(self, folder: Path) -> None:
        module, ids = load("easyr1_reward"), [row["id"] for row in lines(folder / "easyr1" / "train.jsonl")]
        for key, given in zip(ids, self.inputs(folder, lambda _: WRONG), strict=True):
            found, wanted = module.compute_score(given), expected(key, WRONG)
            assert (found["overall"], found["miou"], found["format"]) == (wanted.reward, wanted.miou, wanted.format)
            assert all(isinstance(value, float) for value in found.values())

    def test_settings_come_as_keyword_arguments(self, folder: Path) -> None:
        function = partial(load("easyr1_reward").compute_score, reward={"format": 0.0}, prompt={"think": False})
        assert {score["overall"] for score in function(self.inputs(folder, right))} == {1.0}

    def test_any_image_number_is_in_range(self) -> None:
        answer = format_answer([Object(1, (1, 2, 3, 4), "dog")])
        response = format_response([Object(77, (1, 2, 3, 4), "dog")], "Looked.")
        found = load("easyr1_reward").compute_score({"response": response, "ground_truth": answer})
        assert (found["format"], found["miou"]) == (1, 0)

    def test_weights_of_tasks_are_refused(self) -> None:
        with pytest.raises(RecipeError, match="EasyR1 does not pass the task"):
            load("easyr1_reward").compute_score([], reward={"task_weights": {"inter/locate": 2}})


class TestVerl:
    """verl calls the function by keyword, with the row's `extra_info`, and trains on `score`."""

    def rows(self, folder: Path) -> list[Row]:
        found: list[Row] = pq.read_table(folder / "verl" / "train.parquet").to_pylist()
        return found

    @pytest.mark.parametrize("answer", [right, lambda _: WRONG], ids=["right", "wrong"])
    def test_rows(self, folder: Path, answer: Any) -> None:
        function = load("verl_reward").compute_score
        assert list(inspect.signature(function).parameters)[:4] == [
            "data_source",
            "solution_str",
            "ground_truth",
            "extra_info",
        ]
        for row in self.rows(folder):
            truth = row["reward_model"]["ground_truth"]
            found = function(
                data_source=row["data_source"],
                solution_str=answer(truth),
                ground_truth=truth,
                extra_info={**row["extra_info"], "num_turns": None, "rollout_reward_scores": {}},
                reward_router_address=None,
            )
            wanted = expected(row["extra_info"]["id"], answer(truth))
            assert found == {
                "score": wanted.reward,
                "acc": wanted.item.accuracy,
                "miou": wanted.miou,
                "format": wanted.format,
            }

    def test_settings_come_as_keyword_arguments(self, folder: Path) -> None:
        row = next(row for row in self.rows(folder) if row["extra_info"]["task"] == "locate")
        found = load("verl_reward").compute_score(
            row["data_source"],
            right(row["reward_model"]["ground_truth"]),
            row["reward_model"]["ground_truth"],
            row["extra_info"],
            reward={"task_weights": {"inter/locate": 3}},
        )
        assert found["score"] == 6

    def test_number_of_images_bounds_the_image_number(self) -> None:
        answer = format_answer([Object(1, (1, 2, 3, 4), "dog")])
        response = format_response([Object(4, (1, 2, 3, 4), "dog")], "Looked.")
        function = load("verl_reward").compute_score
        assert function("cgc", response, answer, {"num_images": 3})["format"] == 0
        assert function("cgc", response, answer, {"num_images": 4})["format"] == 1
        assert function("cgc", response, answer)["format"] == 1


@pytest.mark.parametrize("name", ["easyr1_reward", "verl_reward"])
def test_misspelt_settings_are_refused(name: str) -> None:
    arguments = ([],) if name == "easyr1_reward" else ("cgc", "", "[]")
    with pytest.raises(RecipeError, match=r"unknown setting 'reward.pow'; did you mean 'reward.power'"):
        load(name).compute_score(*arguments, reward={"pow": 2})


@pytest.mark.parametrize("answer", ["", "not JSON", '[{"img_idx": 1}]', "<answer>[]</answer>"])
def test_an_answer_that_was_not_exported_is_refused(answer: str) -> None:
    with pytest.raises(TrainingDataError, match="not an answer that `cgc-data export` wrote"):
        exported_truth(answer, 3)


@pytest.mark.parametrize("query", ["", "[]", "{}", "null"])
def test_a_query_that_was_not_exported_is_refused(query: str) -> None:
    with pytest.raises(TrainingDataError, match="not the query of an exported row"):
        exported_truth("[]", 3, query)


def test_labels_come_from_the_query_or_else_from_the_answer() -> None:
    answer = format_answer([Object(1, (1, 2, 3, 4), "dog"), Object(1, (1, 2, 3, 4), "cat")])
    assert exported_truth(answer).use_label
    query = made_row("locate", {1: [(1, 2, 3, 4)]})["query"]
    assert not exported_truth(answer, 3, json.dumps(query)).use_label
    assert exported_truth("[]", 3, json.dumps({**query, "labels": ["dog", "cat"]})).use_label


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("done<|im_end|>", "done"),
        ("done<|im_end|>\n<|endoftext|>", "done"),
        ("<|im_end|> done", "<|im_end|> done"),
        ("done", "done"),
    ],
)
def test_end_tokens_are_the_tokenizers(response: str, text: str) -> None:
    assert without_end(response) == text


def test_no_plugin_has_the_name_of_a_trainer() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")}
    assert names.isdisjoint(sys.stdlib_module_names)
    assert names.isdisjoint({"swift", "verl", "easyr1", "trl", "torch", "transformers", "ray", "vllm"})

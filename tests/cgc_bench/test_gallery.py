"""The pages of comparisons: which items are drawn, where boxes are, what is shown of an answer, several models."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cgc_bench.cli import cli
from cgc_bench.contrast import BENCHMARK as CONTRAST
from cgc_bench.contrast.prepare import prepare_release
from cgc_bench.mig.items import read_items
from cgc_bench.report import write_comparison
from cgc_bench.report.gallery import Album, Card, cards_of
from cgc_bench.report.paired import Difference, compare_units
from cgc_bench.report.runs import Run, one_run
from cgc_bench.scoring.benchmark import benchmark
from tests.cgc_bench import mig_rows
from tests.cgc_bench.official_files import mig_folder, prepare, vlm2_folder
from tests.cgc_bench.saved_runs import invoke, perfect, save
from tests.cgc_train.made_rows import some_rows, write_release

RIGHT, WRONG = "(100,200),(500,600)", "(0,0),(50,50)"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CGC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def items(tmp_path: Path) -> dict[str, Any]:
    rows = [row for photo in (100, 200, 300, 400) for row in some_rows("test", photo=photo)]
    release = write_release(tmp_path / "R", rows)
    prepare_release(str(release))
    return CONTRAST.read_items(release)


def runs_of(items: dict[str, Any], tmp_path: Path) -> tuple[Run, Run]:
    base = save(tmp_path / "base", "contrast", items, lambda item: "[]")
    new = save(tmp_path / "new", "contrast", items, perfect)
    return one_run(base), one_run(new)


def cards(found: Difference, base: Run, new: Run, most: int, seed: int) -> list[Card]:
    return cards_of(found, base, new, most, seed, Album())


def task_of(base: Run, new: Run, name: str) -> Difference:
    found = compare_units(base.bench.units(base.results), new.bench.units(new.results), base.bench.metrics[0])
    assert found is not None
    return next(task for task in found.tasks if task.task == name)


def test_examples_are_drawn_by_the_seed_over_distinct_photos(items: dict[str, Any], tmp_path: Path) -> None:
    base, new = runs_of(items, tmp_path)
    found = task_of(base, new, "intra")
    clusters = {unit.cluster for unit in found.won}
    assert len(found.won) > len(clusters) > 2, "several rows share photos"
    drawn = cards(found, base, new, 100, seed=1)
    assert len(drawn) == len(clusters)
    assert len({items[card.index].cluster for card in drawn}) == len(drawn)
    assert [card.index for card in cards(found, base, new, 2, seed=1)] == [card.index for card in drawn[:2]]
    others = {tuple(card.index for card in cards(found, base, new, 2, seed=seed)) for seed in range(8)}
    assert len(others) > 1
    assert any(first != found.won[0].index for first, _ in others), "not simply the first ones"


def mig_runs(tmp_path: Path, base: str = WRONG, new: str = RIGHT) -> tuple[Run, Run]:
    root, annotations = mig_folder(tmp_path)
    ready = prepare("mig", source=root, annotations=annotations)
    found = read_items(ready.annotations)
    return (
        one_run(save(tmp_path / "base", "mig", found, lambda item: base)),
        one_run(save(tmp_path / "new", "mig", found, lambda item: new)),
    )


def test_boxes_are_only_in_the_image_that_the_question_names(tmp_path: Path) -> None:
    base, new = mig_runs(tmp_path)
    (card,) = cards(task_of(base, new, "region"), base, new, 6, 0)
    assert [[kind for kind, *_ in image.boxes] for image in card.images] == [[], ["true", "base", "new"]]
    (group, *_) = cards(task_of(base, new, "group_grounding"), base, new, 6, 0)
    shown = [{kind for kind, *_ in image.boxes} for image in group.images]
    assert sorted(len(kinds) for kinds in shown) == [2, 3], "the truth's image is known, the answers' is not"


NAMED = {
    "Recognize and locate this object in the 3th image. ": 3,
    "The object marked in the first image(<|box_start|>(1,2),(3,4)<|box_end|>). Locate it in the 4th image. ": 4,
    "For the area marked in the first image, locate the corresponding area in the second image that serves it.": 2,
    "Find and locate where does the object in image-1 locate in the image-2.": 2,
    "You are given a source image followed by several regions. Locate the 2th region in the source image.": 1,
    "Find it.": None,
    "Locate it in the 6th image.": None,
}


@pytest.mark.parametrize("question", NAMED)
def test_the_named_image_is_the_one_to_answer_for(tmp_path: Path, question: str) -> None:
    file = mig_rows.write(tmp_path, [mig_rows.row(question=question, images=list("abcd"))])
    assert read_items(file)["0"].named_image == NAMED[question]


def test_every_revised_question_that_names_an_image_is_read(real_data: Path) -> None:
    found = read_items(real_data / "mig_bench" / "revised_MIG_bench.json").values()
    assert {item.task for item in found if item.named_image is None} == {"group_grounding"}


def test_the_final_answer_stands_before_the_trace(tmp_path: Path) -> None:
    thought = f"<think>Perhaps on the left.</think>{RIGHT}"
    base, new = mig_runs(tmp_path, base="<think>Cut off (1,2)", new=thought)
    (card,) = cards(task_of(base, new, "region"), base, new, 6, 0)
    write_comparison(base, [new], tmp_path / "page")
    page = (tmp_path / "page/index.html").read_text()
    assert (card.new.final, card.new.whole) == (RIGHT, thought)
    assert (card.base.final, card.base.whole) == ("", "<think>Cut off (1,2)")
    shown = page[page.index('class="two"') :]
    assert "no final answer" in shown
    assert shown.index(f'<pre class="final">{RIGHT}') < shown.rindex("<summary>the whole response")


def test_a_pair_is_shown_by_one_of_its_items(tmp_path: Path) -> None:
    """Its id may be that of another item of the task."""
    ready = prepare("vlm2", source=vlm2_folder(tmp_path))
    found, stated = benchmark("vlm2").read_items(ready.annotations), {"cgc_data_sha256": dict(ready.digests)}
    base = one_run(save(tmp_path / "base", "vlm2", found, lambda item: "?", **stated))
    new = one_run(save(tmp_path / "new", "vlm2", found, lambda item: str(item.answer), **stated))
    paired = [card for task in ("gc_mat", "oc_cpr") for card in cards(task_of(base, new, task), base, new, 6, 0)]
    assert paired
    for card in paired:
        members = [item for item in found.values() if item.pair == card.index]
        assert card.question in {new.bench.prompt(item) for item in members}
        assert card.new.final in {str(item.answer) for item in members}


def test_several_models_are_compared_with_one_base(items: dict[str, Any], tmp_path: Path) -> None:
    base, new = (tmp_path / name for name in ("base", "new"))
    save(base, "contrast", items, lambda item: "[]")
    save(new, "contrast", items, perfect)
    again = save(tmp_path / "again", "contrast", items, perfect, model="new")
    output = invoke("compare", base, new, again, "--to", tmp_path / "page")
    assert "new (new, 2026-11-24 12:00), mean of tasks: " in output
    assert "new (again, 2026-11-24 12:00), inter: " in output
    page = (tmp_path / "page/index.html").read_text()
    assert page.count('<tr class="total">') == 2
    names = re.findall(r'src="(images/\d+\.\w+)"', page)
    assert len(names) > len(set(names)) == len(list((tmp_path / "page/images").iterdir())), "stored once"


def test_the_mean_of_tasks_stands_beside_the_tasks(items: dict[str, Any], tmp_path: Path) -> None:
    base, new = runs_of(items, tmp_path)
    _, (one,) = write_comparison(base, [new], tmp_path / "page")
    gain = new.summary()["macro"]["acc@0.5"] or 0.0
    assert 100 * one.found.mean.new == pytest.approx(gain)
    output = invoke("compare", tmp_path / "base", tmp_path / "new", "--to", tmp_path / "page")
    assert re.search(
        r"^mean of tasks: [\d.]+ -> 100\.00 \(\+[\d.]+ \[[\d.]+, [\d.]+\]\), n [\d,]+, p 0\.\d+$", output, re.M
    )
    assert "| **mean of tasks** |" in (tmp_path / "page/comparison.md").read_text()


def test_one_folder_is_no_comparison(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["compare", str(tmp_path)])
    assert result.exit_code == 2
    assert "Missing argument 'NEW...'" in result.output

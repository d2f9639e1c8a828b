"""Published figures: every one with a source and a tag, averages that agree with their rows."""

from collections import defaultdict

import pytest

from cgc_bench.mig.items import TASKS
from cgc_bench.report.published import TAGS, Figure, figures_of, parse_figures, published_figures
from cgc_bench.vlm2.items import SUBTASKS


def figure(benchmark: str, model: str, task: str, tag: str) -> float:
    return next(f.value for f in figures_of(benchmark) if (f.model, f.task, f.tag) == (model, task, tag))


def test_every_figure_has_source_tag_and_version() -> None:
    figures = published_figures()
    assert len(figures) > 200
    assert {f.tag for f in figures} == set(TAGS)
    assert all(f.source and f.where and f.annotations and f.metric for f in figures)
    assert {f.annotations for f in figures_of("mig")} == {"revised", "original", "unknown"}
    assert all(
        "average" in f.task or f.task in (*TASKS, *SUBTASKS, "pc_vid") for f in figures if f.benchmark != "transfer"
    )


def test_no_figure_is_there_twice() -> None:
    keys = [(f.benchmark, f.task, f.model, f.metric, f.annotations, f.tag, f.source) for f in published_figures()]
    assert len(keys) == len(set(keys))


def test_averages_agree_with_their_rows() -> None:
    rows: dict[tuple[str, ...], list[Figure]] = defaultdict(list)
    for found in published_figures():
        rows[found.benchmark, found.model, found.source, found.tag].append(found)
    checked = 0
    for (*_, tag), found in rows.items():
        averages = [f for f in found if "average" in f.task]
        parts = [f.value for f in found if "average" not in f.task]
        if tag == "stated" and averages and len(parts) >= 8:
            assert averages[0].value == pytest.approx(sum(parts) / len(parts), abs=0.03)
            checked += 1
    assert checked == 23


@pytest.mark.parametrize(
    "model",
    [
        "Qwen2-VL-7B",
        "Qwen2.5-VL-7B",
        "InternVL2.5-8B",
        "GPT-4o",
        "human",
        "LLaVA-Video-7B",
        "LongVA-7B",
        "mPLUG-Owl3-7B",
    ],
)
def test_derived_means_of_eight_tasks(model: str) -> None:
    eight = [figure("vlm2", model, task, "stated") for task in SUBTASKS]
    assert figure("vlm2", model, "average", "derived") == pytest.approx(sum(eight) / 8, abs=0.006)


def test_figures_of_the_paper_carry_their_tags() -> None:
    assert figure("mig", "CGC-8B", "average", "second-hand") == 67.57
    assert figure("transfer", "CGC-8B", "mathvista", "stated") == 2.90
    assert figure("transfer", "Qwen3-VL-8B", "mathvista", "derived") == 75.3
    differences = [f for f in published_figures() if "minus" in f.metric]
    assert {f.tag for f in differences} == {"stated", "second-hand"}
    for task in ("mathvista", "muirbench", "blink"):
        new, base = (
            figure("transfer", "CGC-8B", task, "second-hand"),
            figure("transfer", "Qwen3-VL-8B", task, "derived"),
        )
        assert new - base == pytest.approx(figure("transfer", "CGC-8B", task, "stated"), abs=0.005)


def test_papers_that_disagree_on_a_model_both_stand() -> None:
    found = [f for f in figures_of("mig") if (f.model, f.task) == ("Qwen3-VL-8B", "average")]
    assert {(f.value, f.tag) for f in found} == {(32.90, "stated"), (43.66, "second-hand")}
    assert len({f.source for f in found}) == 2


def test_the_table_of_mg_thinker_is_of_the_revised_annotations() -> None:
    """Its percentages of `reasoning` are so many of 97 items, and not of the original 101."""

    def whole(value: float, items: int) -> bool:
        return abs(round(value * items / 100) * 100 / items - value) < 0.006

    found = [f for f in figures_of("mig") if f.source.startswith("MG-Thinker") and f.task == "reasoning"]
    assert [(f.annotations, whole(f.value, 97), whole(f.value, 101)) for f in found] == [("revised", True, False)] * 3


def test_derived_figures_name_where_the_outputs_are() -> None:
    derived = [f for f in figures_of("mig") if f.tag == "derived"]
    assert derived
    assert all("Tajamul21/MIG-Agent" in f.where for f in derived)


def test_versions_are_kept_apart() -> None:
    assert {f.annotations for f in figures_of("mig", annotations="revised")} == {"revised", "unknown"}
    assert figures_of("weather") == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"tag": "heard"}, "tag"), ({"source": "nowhere"}, "source"), ({"tasks": ["a", "b"]}, "1 figures for 2 tasks")],
)
def test_a_damaged_table_is_named(change: dict[str, object], message: str) -> None:
    table = {"benchmark": "x", "metric": "m", "annotations": "v", "tag": "stated", "source": "s", "tasks": ["a"]}
    content = {"sources": {"s": {"title": "t", "where": "w"}}, "tables": [{**table, "models": {"m": [1.0]}, **change}]}
    with pytest.raises(ValueError, match=message):
        parse_figures(content)

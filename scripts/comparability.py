"""Writes the tables of docs/comparability.md: how the scores of the same responses depend on the annotations and on the
rules for reading an answer from a response.

Usage: python scripts/comparability.py FOLDER

FOLDER/mig_bench contains MIG-Bench's two annotation files and a folder `predictions` with published responses to the
revised questions. Run the script after you change a rule for reading answers or the example responses in
tests/cgc_bench/responses. A test checks that the page matches the output of the script.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cgc_bench import read_option
from cgc_bench.mig import BENCHMARK
from cgc_bench.mig.items import Item
from cgc_bench.mig.official import read_box
from cgc_bench.scoring.benchmark import ItemResult
from cgc_bench.transfer.choices import filtered_option, listed_option, ranked_option, stated_option
from cgc_bench.transfer.foreign import vlmevalkit_option, without_tagged
from cgc_bench.transfer.items import option_letters
from scripts.markdown import table, write_between

ROOT = Path(__file__).resolve().parents[1]
PAGE, RESPONSES = ROOT / "docs" / "comparability.md", ROOT / "tests" / "cgc_bench" / "responses"
HALVES = ("tuned", "held_out")
END = "<!-- end -->"


@dataclass(frozen=True)
class Response:
    """A response, the texts of the options, and the letter that a human reader finds in the response, if any."""

    style: str
    options: tuple[str, ...]
    response: str
    reads: str | None

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the options."""
        return option_letters(len(self.options))


Rule: TypeAlias = Callable[[Response], str | None]
RULES: Mapping[str, Rule] = {
    "`cgc_bench.read_option`": lambda row: read_option(row.response, row.letters),
    "lmms-eval, MuirBench": lambda row: filtered_option(row.response, without_tagged(row.response), row.letters),
    "lmms-eval, MMStar": lambda row: ranked_option(without_tagged(row.response), row.letters),
    "lmms-eval, BLINK": lambda row: stated_option(without_tagged(row.response), row.letters),
    "lmms-eval, MMMU": lambda row: listed_option(without_tagged(row.response), row.letters, row.options),
    "VLMEvalKit, no judge": lambda row: vlmevalkit_option(
        row.response.rpartition("</think>")[2].strip(), dict(zip(row.letters, row.options, strict=True))
    ),
}


def read_responses(half: str) -> list[Response]:
    """Read the example responses in `tuned.jsonl` or `held_out.jsonl`."""
    lines = (RESPONSES / f"{half}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = map(json.loads, lines)
    return [Response(row["style"], tuple(row["options"]), row["response"], row["reads"]) for row in rows]


def options_table() -> str:
    """Compare each rule with a human reader on both halves of the example responses.

    For each half, the table counts three cases: the rule and the reader agree, the rule finds an option but the reader
    finds another or none, and only the reader finds an option.
    """
    head = ["rule", *(f"{half.replace('_', ' ')}: {what}" for half in HALVES for what in ("right", "another", "none"))]
    return table(head, [[name, *_counts(rule)] for name, rule in RULES.items()])


def _counts(rule: Rule) -> Iterator[str]:
    for half in HALVES:
        found = [(rule(row), row.reads) for row in read_responses(half)]
        right = sum(one == reads for one, reads in found)
        none = sum(one is None and reads is not None for one, reads in found)
        yield from (f"{right} of {len(found)}", str(len(found) - right - none), str(none))


def agreement_table() -> str:
    """How often other rules agree with `read_option`, by style of response, over all example responses."""
    ours, *others = RULES
    rows = [row for half in HALVES for row in read_responses(half)]
    styles = list(dict.fromkeys(row.style for row in rows))
    cells = [
        [_agreement(name, ours, [row for row in rows if row.style == style]) for style in styles] for name in others
    ]
    return table(["same as `read_option`", *styles], [[name, *row] for name, row in zip(others, cells, strict=True)])


def _agreement(one: str, other: str, rows: Sequence[Response]) -> str:
    return f"{100 * sum(RULES[one](row) == RULES[other](row) for row in rows) / len(rows):.0f} %"


def mig_table(folder: Path) -> str:
    """Score published responses of Qwen2-VL-7B to the revised questions.

    The rows of the table differ in how responses are parsed and judged.
    """
    revised = BENCHMARK.read_items(folder / "revised_MIG_bench.json")
    original = BENCHMARK.read_items(folder / "MIG_data.json")
    lines = (folder / "predictions" / "qwen2_vl_7b.jsonl").read_text(encoding="utf-8").splitlines()
    responses = {str(row["index"]): str(row["response"]) for row in map(json.loads, lines)}
    pairs = matched(revised, original)
    on_original = {index: replace(original[other], index=index) for index, other in pairs.items()}
    both = {index: revised[index] for index in pairs}
    rows = [
        ("revised script and boxes", _score(revised, responses)),
        (
            "revised script and boxes, ignoring the reasoning",
            _score(revised, responses, protocol="strict"),
        ),
        (
            "revised script and boxes, with y coordinates stretched as in Migician's published figures",
            _score(revised, responses, postprocess="migician"),
        ),
        ("original script, revised boxes", _by_original_script(revised, responses)),
        ("revised script and boxes, items that are in both versions", _score(both, responses)),
        ("original script and boxes, items that are in both versions", _score(on_original, responses)),
    ]
    return table(
        ["how responses are parsed and judged", "items", "Acc@0.5"],
        [[name, f"{n:,}", f"{acc:.2f}"] for name, (n, acc) in rows],
    )


def matched(revised: Mapping[str, Item], original: Mapping[str, Item]) -> dict[str, str]:
    """Map revised items to original items with the same images and words, ignoring spaces. In the task `diff`, only the
    images must be the same, because its questions were rewritten.
    """
    ours, theirs = _unique(revised), _unique(original)
    return {index: theirs[key] for key, index in ours.items() if key in theirs}


def _unique(items: Mapping[str, Item]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], list[str]] = {}
    for index, item in items.items():
        words = "" if item.task == "diff" else "".join(item.question.split())
        found.setdefault((item.task, words, *(path.removeprefix("./") for path in item.images)), []).append(index)
    return {key: indices[0] for key, indices in found.items() if len(indices) == 1}


def _score(
    items: Mapping[str, Item],
    responses: Mapping[str, str],
    *,
    protocol: str = "official",
    postprocess: str | None = None,
) -> tuple[int, float]:
    results = [
        BENCHMARK.score(item, responses[index], protocol=protocol, postprocess=postprocess)
        for index, item in items.items()
    ]
    return len(results), _macro(results)


def _by_original_script(items: Mapping[str, Item], responses: Mapping[str, str]) -> tuple[int, float]:
    """Read boxes with the original script, convert them to thousandths, and score them against the revised ground-truth
    boxes.
    """
    texts = {index: _thousandths(read_box(responses[index], 1).box) for index in items}
    return _score(items, texts)


def _thousandths(box: Sequence[float]) -> str:
    x1, y1, x2, y2 = (round(1000 * value) for value in box)
    return f"({x1},{y1}),({x2},{y2})"


def _macro(results: Sequence[ItemResult]) -> float:
    value = BENCHMARK.table(results)["macro"]["acc@0.5"]
    assert value is not None
    return value


def tables(folder: Path) -> dict[str, str]:
    """The tables of the page, keyed by the mark that precedes each table."""
    return {"options": options_table(), "agreement": agreement_table(), "mig": mig_table(folder)}


def main() -> None:
    """Write every table between its marks."""
    for name, content in tables(Path(sys.argv[1]) / "mig_bench").items():
        write_between(PAGE, f"<!-- {name} -->\n", END, content)


if __name__ == "__main__":
    main()

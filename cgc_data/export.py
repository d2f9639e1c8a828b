"""Export a release for other trainers: ms-swift, verl, EasyR1, and LLaMA-Factory.

Each split is one file. Each image is stored once in a folder, in a file named after the start of its SHA-256 hash. For
verl, the images are inside the Parquet file.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from cgc_data.answer import with_thinking
from cgc_data.common.errors import ExportError
from cgc_data.common.folder import filled, is_free
from cgc_data.release.read import Release
from cgc_data.release.reference import load_reference
from cgc_data.release.rows import Row
from cgc_data.release.schema import FLOAT64, IMAGE, INT64, SPLITS, STRING, list_of, schema_of

Format = Literal["swift", "verl", "easyr1", "llamafactory"]
Instruction = Literal["think", "answer", "none"]
FORMATS: tuple[Format, ...] = get_args(Format)
INSTRUCTIONS: tuple[Instruction, ...] = get_args(Instruction)
Line: TypeAlias = dict[str, object]
ROWS_A_GROUP = 200
Fact = Literal["id", "contrast", "task", "split", "tuple_id", "pair_id", "difficulty"]
FACTS: tuple[Fact, ...] = get_args(Fact)


@dataclass(frozen=True)
class _Job:
    """One split to write: the release, the target folder, and the instruction to add to each stored question."""

    release: Release
    folder: Path
    split: str
    contrast: str | None
    instruction: Instruction
    photos: Path | None

    def rows(self) -> Iterator[Row]:
        if self.release.has_images:
            return self.release.rows(contrast=self.contrast, split=self.split, images=True)
        return load_reference(self.release.folder, self.photos, contrast=self.contrast, split=self.split)


def export_release(
    release: Release,
    folder: Path,
    form: Format,
    *,
    contrast: str | None = None,
    instruction: Instruction | None = None,
    photos: Path | None = None,
) -> list[Path]:
    """Write the release into `folder` (new or empty) in the format `form`. Returns the paths of the files to pass to
    the trainer.

    `instruction`: "think" asks for reasoning and the answer in tags; "answer" asks for the answer in tags; "none"
    leaves the stored question unchanged. The default is "think"; for LLaMA-Factory, which trains on the answers, it is
    "answer". `photos` is a folder or zip with the photos. It is required if the release stores no images.

    Raises:
        ExportError: `photos` is None although the release stores no images; `folder` is not empty or cannot be written;
            or the format does not support the instruction.
    """
    chosen = instruction or ("answer" if form == "llamafactory" else "think")
    _refuse(release, folder, form, chosen, photos)
    splits = [s for s in SPLITS if release.shards(contrast, s)]
    try:
        with filled(folder):
            files = [_WRITERS[form](_Job(release, folder, split, contrast, chosen, photos)) for split in splits]
            return [*files, *([_dataset_info(folder, files)] if form == "llamafactory" else [])]
    except OSError as error:
        raise ExportError(f"{folder}: {error.strerror or error}; name a writable folder with --to") from error


def _refuse(release: Release, folder: Path, form: Format, instruction: Instruction, photos: Path | None) -> None:
    if not release.has_images and photos is None:
        raise ExportError(f"{release.folder}: stores no images; pass the folder or .zip of the photos with --images")
    if not is_free(folder):
        raise ExportError(f"{folder}: exists and is not an empty folder; name another one with --to")
    if form == "llamafactory" and instruction == "think":
        raise ExportError(
            "llamafactory trains on the answers of the release, and these contain no reasoning; use --instruction "
            "answer"
        )


def _swift(job: _Job) -> Path:
    """ms-swift: JSON lines with `messages`, `images`, and other columns. The reward functions receive the other
    columns, such as `solution`.

    https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html (GRPO; multimodal, paths best absolute)
    """

    def line(row: Row) -> Line:
        images = [str((job.folder / image).resolve()) for image in _store(row, job.folder)]
        messages = [{"role": "user", "content": _prompt(row, job.instruction)}]
        return {"messages": messages, "images": images, "solution": row["answer"], **_facts(row)}

    return _write_lines(job, line)


def _easyr1(job: _Job) -> Path:
    """EasyR1: JSON lines with `problem`, `images`, and `answer`. Set data.image_dir to the exported folder.

    https://github.com/hiyouga/EasyR1/blob/main/verl/utils/dataset.py (prompt_key, image_key, answer_key, image_dir)
    """

    def line(row: Row) -> Line:
        prompt = _prompt(row, job.instruction)
        return {"problem": prompt, "images": _store(row, job.folder), "answer": row["answer"], **_facts(row)}

    return _write_lines(job, line)


def _llamafactory(job: _Job) -> Path:
    """LLaMA-Factory: sharegpt format with OpenAI's tags, described in dataset_info.json. Image paths are relative to
    the exported folder.

    https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md (sharegpt format; multimodal)
    """

    def line(row: Row) -> Line:
        answer = row["answer"] if job.instruction == "none" else f"<answer>{row['answer']}</answer>"
        user = {"role": "user", "content": _prompt(row, job.instruction)}
        return {"messages": [user, {"role": "assistant", "content": answer}], "images": _store(row, job.folder)}

    return _write_lines(job, line)


def _verl(job: _Job) -> Path:
    """verl: a Parquet file that contains the images. The prompt contains one `<image>` placeholder per image. The
    answer is the ground truth for the rule-based reward.

    https://verl.readthedocs.io/en/latest/preparation/prepare_data.html (and its examples/data_preprocess/geo3k.py)
    """
    path = job.folder / f"{job.split}.parquet"
    partial = path.with_name(f"{path.name}.partial")
    schema, rows = _verl_schema(), enumerate(job.rows())
    with pq.ParquetWriter(partial, schema, compression="zstd", dictionary_pagesize_limit=2**30) as writer:
        while group := [_verl_row(row, index, job.instruction) for index, row in islice(rows, ROWS_A_GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    return partial.rename(path)


def _verl_row(row: Row, index: int, instruction: Instruction) -> Line:
    extra = {"index": index, "question": row["question"], "answer": row["answer"], **_facts(row)}
    return {
        "data_source": "cgc",
        "prompt": [{"role": "user", "content": _prompt(row, instruction)}],
        "images": row["images"],
        "ability": "grounding",
        "reward_model": {"style": "rule", "ground_truth": row["answer"]},
        "extra_info": extra,
    }


def _verl_schema() -> pa.Schema:
    """A schema that marks the image columns as images for `datasets`, the library with which verl loads the file."""
    extra = dict.fromkeys(("question", "answer", *FACTS, "query"), STRING) | {"index": INT64, "num_images": INT64}
    columns = {
        "data_source": STRING,
        "prompt": list_of({"role": STRING, "content": STRING}),
        "images": list_of(IMAGE),
        "ability": STRING,
        "reward_model": {"style": STRING, "ground_truth": STRING},
        "extra_info": extra | {"difficulty": FLOAT64},
    }
    return schema_of(columns)


def _prompt(row: Row, instruction: Instruction) -> str:
    """The stored prompt and the instruction as one text, with one `<image>` placeholder per image."""
    messages = row["prompt"]
    if instruction != "none":
        messages = with_thinking(messages, require_think=instruction == "think")
    parts = [part for message in messages for part in message["content"]]
    text = "".join("<image>" if part["type"] == "image" else part["text"] or "" for part in parts)
    if text.count("<image>") != len(row["images"]):
        raise ExportError(
            f"row {row['id']}: '<image>' occurs {text.count('<image>')} times in the text for {len(row['images'])} "
            "images, and trainers would treat each as an image placeholder; rename categories that contain it, and "
            "build again"
        )
    return text


def _facts(row: Row) -> Line:
    """Values that a reward function may need in addition to the answer. Every row has the same columns, because readers
    of JSON lines require this.
    """
    query = json.dumps(row["query"], ensure_ascii=False)
    return {name: row[name] for name in FACTS} | {"num_images": len(row["views"]), "query": query}


def _store(row: Row, folder: Path) -> list[str]:
    """Write those images of a row that are not in the folder yet. Returns the paths of all images of the row, relative
    to the folder.
    """
    (folder / "images").mkdir(exist_ok=True)
    addresses = []
    for image in row["images"]:
        kind = "png" if image["bytes"].startswith(b"\x89PNG") else "jpg"
        addresses.append(f"images/{hashlib.sha256(image['bytes']).hexdigest()[:32]}.{kind}")
        if not (folder / addresses[-1]).exists():
            (folder / addresses[-1]).write_bytes(image["bytes"])
    return addresses


def _write_lines(job: _Job, line: Callable[[Row], Line]) -> Path:
    """Write the split as JSON lines to a temporary file, and rename the file when it is complete."""
    path = job.folder / f"{job.split}.jsonl"
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line(row), ensure_ascii=False) + "\n" for row in job.rows())
    return partial.rename(path)


def _dataset_info(folder: Path, files: list[Path]) -> Path:
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    columns = {"messages": "messages", "images": "images"}
    info = {
        f"cgc_{path.stem}": {"file_name": path.name, "formatting": "sharegpt", "columns": columns, "tags": tags}
        for path in files
    }
    path = folder / "dataset_info.json"
    path.write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
    return path


_WRITERS: dict[Format, Callable[[_Job], Path]] = {
    "swift": _swift,
    "verl": _verl,
    "easyr1": _easyr1,
    "llamafactory": _llamafactory,
}

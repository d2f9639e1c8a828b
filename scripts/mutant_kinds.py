"""Kinds of files to mutate, the mutations for each kind, and the commands that open the files."""

from dataclasses import dataclass

from scripts.mutations import Mutation, spoil_bytes, spoil_json, spoil_parquet, spoil_zip


@dataclass(frozen=True)
class Kind:
    """A kind of file: the file to mutate, the mutations to apply, and the commands that open the file."""

    file: str  # relative to the material; "" for an argument
    mutations: tuple[Mutation, ...]
    commands: tuple[str, ...]


BUILD = (
    "cgc-data build preset=paper confusable=labeled samples=6"
    " tasks.intra/locate_all=0 tasks.intra/same_object=0 --workers 1 --out out --dry-run"
)
QUICK = (
    "cgc-data stats release", "cgc-data stats release --json",
    "cgc-data export release --format verl --to out", "cgc-data export release --format llamafactory --to out",
    "cgc-train reward release --predictions answers.jsonl",
    "cgc-bench score contrast --annotations release --predictions answers.jsonl",
)  # fmt: skip
SLOW = (  # draw pictures, or derive every row again
    "cgc-data validate release",
    "cgc-data preview release --to out",
    "cgc-data remove release --image-id {id} --out out",
)
RELEASE = QUICK * 4 + SLOW
KINDS: dict[str, Kind] = {
    "annotations": Kind(
        "mine.json",
        (spoil_bytes, spoil_json, spoil_json),
        (f"{BUILD} --exhaustive --coco mine.json:photos", "cgc-data validate release"),
    ),
    "lvis": Kind("lvis.json", (spoil_bytes, spoil_json, spoil_json), (f"{BUILD} --lvis lvis.json:photos",)),
    "yaml": Kind(
        "config.yaml",
        (spoil_bytes,),
        (
            "cgc-data build config.yaml --coco mine.json:photos --exhaustive --workers 1 --out out --dry-run",
            "cgc-train ablate recipe.yaml --over no-kl --to out",
        ),
    ),
    "recipe": Kind(
        "recipe.yaml",
        (spoil_bytes,),
        (
            "cgc-train ablate recipe.yaml --over no-kl --to out",
            "cgc-train reward release --recipe recipe.yaml --predictions answers.jsonl",
        ),
    ),
    "overrides": Kind("override.txt", (spoil_bytes,), (f"{BUILD} --exhaustive --coco mine.json:photos {{override}}",)),
    "settings": Kind(
        "setting.txt", (spoil_bytes,), ("cgc-train reward release --predictions answers.jsonl {setting}",)
    ),
    "exclusions": Kind(
        "exclude.json",
        (spoil_bytes, spoil_json),
        (f"{BUILD} --exhaustive --coco mine.json:photos --exclude exclude.json",),
    ),
    "manifests": Kind("release/manifest.json", (spoil_bytes, spoil_json, spoil_json, spoil_json), RELEASE),
    "shards": Kind("release/{shard}", (spoil_bytes, spoil_parquet, spoil_parquet), RELEASE),
    "rejects": Kind(
        "release/rejected.parquet", (spoil_bytes, spoil_parquet), ("cgc-data remove release --image-id {id} --out out",)
    ),
    "predictions": Kind(
        "answers.jsonl",
        (spoil_bytes, spoil_json),
        (
            "cgc-train reward release --predictions answers.jsonl",
            "cgc-bench score contrast --annotations release --predictions answers.jsonl",
        ),
    ),
    "benchmarks": Kind(
        "mig.json",
        (spoil_bytes, spoil_json),
        (
            "cgc-bench score mig --annotations mig.json --predictions mig.jsonl",
            "cgc-bench floors mig --annotations mig.json",
        ),
    ),
    "samples files": Kind(
        "{samples}",
        (spoil_bytes, spoil_json, spoil_json),
        (
            "cgc-bench score contrast --annotations release --predictions runs",
            "cgc-bench report runs --to out",
            "cgc-bench compare runs runs --to out",
        ),
    ),
    "runs": Kind("run/metrics.jsonl", (spoil_bytes, spoil_json), ("cgc-train view run --to out",)),
    "run recipes": Kind("run/recipe.yaml", (spoil_bytes,), ("cgc-train view run --to out",)),
    "held-out answers": Kind(
        "run/held_out/step-000001.jsonl", (spoil_bytes, spoil_json), ("cgc-train view run --to out",)
    ),
    "zips": Kind("photos.zip", (spoil_bytes, spoil_zip), (f"{BUILD} --exhaustive --coco mine.json:photos.zip",)),
    "photos": Kind(
        "photos/{photo}", (spoil_bytes,), (f"{BUILD} --exhaustive --coco mine.json:photos", "cgc-data validate release")
    ),
}

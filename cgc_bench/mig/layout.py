"""File layout used by the authors of MIG-Bench."""

import hashlib
from collections.abc import Mapping

from cgc_bench.errors import PrepareError
from cgc_bench.mig.items import KEPT, SHA256, Item
from cgc_bench.prepare.files import Files
from cgc_bench.prepare.layout import Layout


def _annotations(files: Files, variant: str) -> Mapping[str, str]:
    """The annotation file of the variant, found by its sha256 regardless of its name."""
    tables = [name for name in files.names() if name.endswith(".json")]
    known = {name: hashlib.sha256(files.read(name)).hexdigest() for name in tables}
    for name, digest in known.items():
        if digest == SHA256[variant]:
            return {name: KEPT}
    hint = "; the tasks of cgc_mig_original do not need this file" if variant == "revised" else ""
    raise PrepareError(
        f"{files.label} contains no {variant} annotations of MIG-Bench (sha256 {SHA256[variant][:12]}...): "
        f"name the file with `cgc-bench prepare mig --annotations FILE`{hint}"
    )


def _image(item: Item, path: str) -> str:  # noqa: ARG001 - a layout's takes the item too
    return path.removeprefix("./").removeprefix("MIG-Bench/")


LAYOUT = Layout(
    repository="Michael4933/MIG-Bench",
    patterns=("*.json", "images/**", "*.zip"),
    archive="",
    variants=("revised", "original"),
    annotations=_annotations,
    read=KEPT,
    image=_image,
)

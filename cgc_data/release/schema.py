"""The row of a release: its columns as Hugging Face features and as an Arrow schema.

Every reader and writer of shards uses these columns. `datasets` is not imported. The features are written as the JSON
that `datasets` stores in Parquet metadata, so that `load_dataset` returns images without this package.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

import pyarrow as pa

SCHEMA_VERSION = "2"

Feature: TypeAlias = dict[str, Any]  # one Hugging Face feature as JSON, or several by name
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def _value(dtype: str) -> Feature:
    return {"dtype": dtype, "_type": "Value"}


def list_of(feature: Any) -> Any:
    """The feature for a list of `feature`, in a form that every version of `datasets` since 3.6 reads as a list.

    Versions of `datasets` before 4.0 have no `List`, and read a `Sequence` of structs as a struct of lists. In
    contrast, all versions read a JSON list as a list.
    """
    return {"feature": feature, "_type": "Sequence"} if "_type" in feature else [feature]


STRING, INT32, INT64, FLOAT64 = (_value(t) for t in ("string", "int32", "int64", "float64"))
IMAGE = {"mode": "RGB", "_type": "Image"}

FEATURES: dict[str, Feature] = {
    # first 16 hex digits of the sha256 of the row's content (views, question, answer)
    "id": STRING,
    # the views, in the order shown; empty in a release built with `--images reference`
    "images": list_of(IMAGE),
    # the full question, with index base, coordinate scale, and answer format, but without the think instruction
    "question": STRING,
    # readable labels asked for; the image that the question names as the answer's; the image that it refers to, and the
    # box it gives there (0-1000), or null if it refers to the whole image (image numbers are 1-based, or null if the
    # question uses none); what distinguishes the object from others of its label, or ""
    "query": {
        "labels": list_of(STRING),
        "img_idx": INT32,
        "ref_img_idx": INT32,
        "ref_bbox": list_of(INT32),
        "relation": STRING,
    },
    # images (1-based) that may contain an answer, and those that never do: exemplars, pieces, the view of a given box
    "answer_images": list_of(INT32),
    "reference_images": list_of(INT32),
    # chat messages: "Image 1: ", image, ..., question
    "prompt": list_of({"role": STRING, "content": list_of({"type": STRING, "text": STRING})}),
    # canonical JSON list of {"img_idx", "bbox_2d", "label"}
    "answer": STRING,
    "objects": list_of(
        {
            "img_idx": INT32,  # 1-based
            "bbox_2d": list_of(INT32),  # x1, y1, x2, y2 in 0-1000 of the view
            "bbox_px": list_of(FLOAT64),  # x1, y1, x2, y2, half-open, in pixels of the displayed view
            "label": STRING,
            "annotation_id": STRING,  # "<source>:<id in the annotation file>"
            "visible": FLOAT64,  # share of the instance's mask area inside the view, 0-1
        }
    ),
    "views": list_of(
        {
            "source": STRING,  # key of the source in the manifest that names the photo
            "image_id": INT64,  # id in that source's annotation file
            "file_name": STRING,
            "window": list_of(INT32),  # x1, y1, x2, y2, half-open, in pixels of the photo (whole photo: 0, 0, w, h)
            "width": INT32,  # pixels of the displayed view
            "height": INT32,
            "role": STRING,  # one of the contrast's roles
            "license": INT32,
            "license_url": STRING,
            "flickr_url": STRING,
            "changes": STRING,  # "none" or what was done to the photo, e.g. "cropped and resized"
            # the photo, and every object of another photo that is pasted into it
            "parts": list_of(
                {
                    "source": STRING,
                    "image_id": INT64,
                    "file_name": STRING,
                    "license": INT32,
                    "license_url": STRING,
                    "flickr_url": STRING,
                    "annotation_id": STRING,  # of the pasted object; "" for the photo
                    # a, b, c, d, e, f: maps point x, y of the part to ax + by + c, dx + ey + f of the photo, in pixels
                    "transform": list_of(FLOAT64),
                    "mask": STRING,  # COCO's compressed run lengths over the part's photo; "" for the photo
                }
            ),
            # what was done to the parts, in this order (see `cgc_data.release.operations`); none: the photo's own file
            "operations": list_of({"name": STRING, "values": list_of(FLOAT64)}),
        }
    ),
    "contrast": STRING,  # one of `cgc_data.tasks.CONTRASTS`
    "task": STRING,  # one of `cgc_data.tasks.TASKS`, without its contrast
    "distractors": STRING,  # one of the contrast's kinds
    # one entry per (view, asked label) for which the label is claimed absent
    "evidence": list_of(
        {
            "img_idx": INT32,
            "label": STRING,
            "source": STRING,  # source whose annotations warrant it
            # "exhaustive" (every category of the source's list is labeled), "negative" (listed as verified absent),
            # "hypernym:<category name>" (a category above it is absent by exhaustive/negative), "outside_window"
            "warrant": STRING,
        }
    ),
    "template_id": STRING,  # "<pool>/<number>"; an absent row has the pool of its twin
    "tuple_id": STRING,  # rows over the same set of photos (inter) or windows (intra)
    # both directions of a question, or a row with the empty list and its twin; else ""
    "pair_id": STRING,
    "difficulty": FLOAT64,  # 0 (easy) to 1 (hard): number of images, kind of distractors, size of the smallest object
    "split": STRING,
    "composite_license": STRING,  # URL of the license under which the row's composites may be used, or ""
}


def _arrow(feature: Any) -> pa.DataType:
    if isinstance(feature, list):
        return pa.list_(_arrow(feature[0]))
    kind = feature.get("_type")
    if kind == "Value":
        return pa.type_for_alias(feature["dtype"])
    if kind == "Sequence":
        return pa.list_(_arrow(feature["feature"]))
    if kind == "Image":
        return pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    return pa.struct([pa.field(name, _arrow(inner)) for name, inner in feature.items()])


def schema_of(features: Mapping[str, Any]) -> pa.Schema:
    """Arrow schema of columns with these features, which are written like `FEATURES`. The metadata of the schema
    contains the features in the format of `datasets`.
    """
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field(name, _arrow(f)) for name, f in features.items()], metadata=metadata)


def arrow_schema() -> pa.Schema:
    """Arrow schema of a shard."""
    return schema_of(FEATURES)

"""Names of all violations of the strict format.

The names never change, because training logs store them and reports count them.
"""

from enum import Enum


class Violation(str, Enum):
    """A violation of the strict format. Its value is the code that appears in logs and reports."""

    THINK_MISSING = "think_missing"  # a think block is required, but the response has neither <think> nor </think>
    THINK_UNOPENED = "think_unopened"  # </think> without <think>: pass an opening by the template as `prefix`
    THINK_UNCLOSED = "think_unclosed"
    THINK_REPEATED = "think_repeated"
    THINK_EMPTY = "think_empty"  # the think block is required, but it contains no letter or digit
    ANSWER_MISSING = "answer_missing"
    ANSWER_UNOPENED = "answer_unopened"
    ANSWER_UNCLOSED = "answer_unclosed"
    ANSWER_REPEATED = "answer_repeated"
    TAGS_OUT_OF_ORDER = "tags_out_of_order"
    TEXT_OUTSIDE = "text_outside"  # anything other than white space around the blocks
    FENCED = "fenced"  # a Markdown fence around the list
    JSON_INVALID = "json_invalid"  # including NaN, Infinity, and excessive nesting
    NOT_A_LIST = "not_a_list"
    NOT_AN_OBJECT = "not_an_object"  # an element of the list, like all violations below
    KEY_MISSING = "key_missing"
    KEY_UNKNOWN = "key_unknown"
    KEY_REPEATED = "key_repeated"
    IMG_IDX_TYPE = "img_idx_type"  # not an integer
    IMG_IDX_RANGE = "img_idx_range"  # the image does not exist
    BBOX_TYPE = "bbox_type"  # not a list of four integers
    BBOX_RANGE = "bbox_range"  # outside 0-1000
    BBOX_ORDER = "bbox_order"  # not x1 < x2 and y1 < y2
    LABEL_TYPE = "label_type"  # not text, or text that cannot be encoded
    LABEL_EMPTY = "label_empty"
    TOO_MANY = "too_many"  # more entries than the reader checks
    DUPLICATE = "duplicate"  # two entries are identical

    __str__ = str.__str__

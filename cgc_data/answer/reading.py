"""Reads the responses of models. The reward and the benchmark share this reader.

A single pass returns the objects to score and every violation of the strict format. The reader raises no errors, takes
time linear in the length of the text, and never reads the text inside <think>.
"""

from dataclasses import dataclass, replace

from cgc_data.answer.elements import decode_json, distinct, read_elements, without_trailing_commas
from cgc_data.answer.layout import JSON, read_layout, strip_fence
from cgc_data.answer.objects import Object
from cgc_data.answer.strict import read_strictly
from cgc_data.answer.violations import Violation


@dataclass(frozen=True)
class Reading:
    """The content of a response.

    Attributes:
        readable: whether the response contains a list. An unreadable response does not count as an empty answer.
        elements: number of entries in the list, including malformed entries; 0 if the response is unreadable.
        objects: the well-formed entries in the order written, including duplicates.
        violations: violations of the strict format, each listed once; never empty if the response is unreadable.
        pixel_scale: whether a box has a number above 1000, which suggests that the model answered in pixels.
        think_length: number of characters inside the think block, without surrounding white space; 0 unless there is
            exactly one think block.
    """

    readable: bool
    elements: int
    objects: tuple[Object, ...]
    violations: tuple[Violation, ...]
    pixel_scale: bool = False
    think_length: int = 0

    @property
    def valid(self) -> bool:
        """Whether the response follows the strict format."""
        return not self.violations

    @property
    def empty(self) -> bool:
        """Whether the answer is literally `[]`."""
        return self.readable and self.elements == 0


@dataclass(frozen=True)
class Parsed:
    """The objects of a response, and its violations of the strict format (none if the response is valid)."""

    objects: tuple[Object, ...]
    violations: tuple[Violation, ...]


def read_answer(text: str, num_images: int, *, require_think: bool = True, prefix: str = "") -> Reading:
    """Read a response for scoring.

    The list is read from the answer block, which may contain a json code fence. If the opening answer tag is missing,
    the block starts after the think block. If the closing answer tag is missing, the block ends with the response. The
    response is unreadable if the think block is not closed, if there are several answer blocks, or if the answer block
    contains anything besides the list.

    Args:
        text: the text that the model wrote.
        num_images: number of displayed images; `img_idx` runs from 1 to this number.
        require_think: whether the strict format requires a think block. If `require_think` is false, the response may
            still contain one think block with any content.
        prefix: text that the chat template puts at the start of the response, such as "<think>". It is prepended to
            `text`.
    """
    layout = read_layout(prefix + text, require_think=require_think)
    if layout.body is None:
        return Reading(False, 0, (), layout.violations, think_length=layout.think_length)
    body, fenced = strip_fence(layout.body)
    inner = read_list(body, num_images)
    if inner.valid and not fenced and not layout.violations:
        return Reading(True, inner.elements, inner.objects, (), think_length=layout.think_length)
    violations = distinct([*layout.violations, *([Violation.FENCED] if fenced else []), *inner.violations])
    return Reading(inner.readable, inner.elements, inner.objects, violations, inner.pixel_scale, layout.think_length)


def read_soft(text: str, num_images: int, *, require_think: bool = True, prefix: str = "") -> Reading:
    """Read a response as `read_answer` does, but accept three unambiguous deviations from the strict format.

    These deviations are integers with a decimal point, such as 120.0; trailing commas; and a code fence that is labeled
    JSON in capital letters. `violations` still lists them.
    """
    strict = read_answer(text, num_images, require_think=require_think, prefix=prefix)
    layout = read_layout(prefix + text, require_think=require_think)
    if layout.body is None:
        return strict
    body = strip_fence(layout.body)[0]
    body = body[len(JSON) :] if body[: len(JSON)].casefold() == JSON else body
    soft = read_list(without_trailing_commas(body), num_images, integral_floats=True)
    return replace(soft, violations=strict.violations, think_length=strict.think_length) if soft.readable else strict


def read_list(text: str, num_images: int, *, integral_floats: bool = False) -> Reading:
    """Read a plain JSON list, such as the `answer` of a row.

    With `integral_floats`, a number such as 120.0 counts as the integer 120.
    """
    objects = read_strictly(text, num_images)
    if objects is not None:
        return Reading(True, len(objects), objects, ())
    try:
        value = decode_json(text, integral_floats=integral_floats)
    except ValueError:
        return Reading(False, 0, (), (Violation.JSON_INVALID,))
    if not isinstance(value, list):
        return Reading(False, 0, (), (Violation.NOT_A_LIST,))
    elements = read_elements(value, num_images)
    return Reading(True, elements.count, elements.objects, elements.violations, elements.pixel_scale)


def parse_strict(text: str, num_images: int, *, require_think: bool = True, prefix: str = "") -> Parsed:
    """Parse a response in the strict format. The arguments are the same as for `read_answer`."""
    reading = read_answer(text, num_images, require_think=require_think, prefix=prefix)
    return Parsed(reading.objects, reading.violations)

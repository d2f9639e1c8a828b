"""The places that photos show, such as a street.

Each place defines its background, the areas where objects stand or hang, and the kinds of objects that appear in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cgc_data.painter.backgrounds import indoors, outdoors
from cgc_data.painter.stage import Stage

Band = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """A kind of scene.

    `ground` is the band for the feet of standing objects, and `air` is the band for the tops of hanging or flying
    objects, both in fractions of the photo's height. `stands` and `aloft` map kinds to sampling weights: `stands` for
    standing objects, and `aloft` for hanging or flying objects. Kinds in `crowds` can also appear in groups. `depth` is
    the scale of objects at the back of the ground, relative to the front. `zoom` scales all objects. In an `open`
    place, some objects are far away. If `even` is given, every object is about as large as a square whose sides are
    `even` pixels long (in a photo of 640 x 480 pixels). `look` fixes the variant and palette of a kind.
    """

    name: str
    paint: Callable[[Stage], None]
    ground: Band
    stands: Mapping[str, float]
    aloft: Mapping[str, float] = field(default_factory=dict)
    crowds: tuple[str, ...] = ()
    air: Band = (0.03, 0.2)
    depth: float = 0.7
    zoom: float = 1.0
    open: bool = False
    even: float = 0.0
    look: Mapping[str, tuple[int, int]] = field(default_factory=dict)


# variants suitable on the ground and in the air; all other kinds use all of their variants in both
STANDING = {"clock": (1,), "bird": (0, 1)}
ALOFT = {"clock": (0, 2), "bird": (2,)}

# plausible maximum of a kind in one place
MOST = {
    "tv": 1, "couch": 2, "bus": 2, "clock": 2, "stop sign": 2, "traffic light": 3, "fire hydrant": 2, "keyboard": 2,
    "laptop": 2, "boat": 5, "chair": 3, "vase": 3,
}  # fmt: skip

PLACES = (
    Place("street", outdoors.street, (0.72, 0.97),
          {"car": 3, "bus": 1.4, "truck": 1.6, "bicycle": 1.5, "person": 2.4, "traffic light": 1.6, "stop sign": 1.3,
           "fire hydrant": 1.4, "dog": 0.8, "bench": 0.6, "umbrella": 0.4},
          {"bird": 0.6}, ("person", "car"), open=True),
    Place("park", outdoors.park, (0.66, 0.97),
          {"person": 2, "bench": 2, "dog": 2.2, "bird": 1.4, "bicycle": 1.4, "sports ball": 1.6, "backpack": 0.8,
           "umbrella": 0.7, "cat": 0.6},
          {"kite": 1.6, "bird": 0.8}, ("bird", "person"), open=True),
    Place("farm", outdoors.farm, (0.66, 0.97),
          {"cow": 2.4, "sheep": 2.4, "horse": 2.2, "dog": 1, "bird": 0.8, "truck": 1, "person": 0.8, "cat": 0.5},
          {"bird": 0.6}, ("sheep", "cow"), open=True),
    Place("beach", outdoors.beach, (0.7, 0.97),
          {"person": 2, "umbrella": 2.2, "sports ball": 2, "dog": 1, "backpack": 0.8, "bird": 1, "suitcase": 0.4},
          {"kite": 1.6, "bird": 0.8}, ("person", "umbrella"), open=True),
    Place("lake", outdoors.lake, (0.58, 0.95),
          {"boat": 3, "bird": 2}, {"bird": 1.2, "kite": 1}, ("bird", "boat"), depth=0.5, zoom=1.1, open=True),
    Place("kitchen", indoors.kitchen, (0.56, 0.96),
          {"apple": 1.6, "banana": 1.5, "orange": 1.5, "carrot": 1.3, "cup": 2, "bottle": 2, "bowl": 2, "knife": 1,
           "fork": 0.8, "spoon": 1, "potted plant": 0.5, "vase": 0.4},
          {"clock": 0.6}, ("apple", "carrot"), depth=0.85, zoom=1.25),
    Place("dining", indoors.dining, (0.5, 0.97),
          {"pizza": 2, "cake": 2, "donut": 1.6, "wine glass": 2, "fork": 1.6, "knife": 1.6, "spoon": 1.2, "cup": 1.4,
           "bottle": 1.2, "bowl": 1.2, "vase": 0.8},
          {}, ("donut", "wine glass"), depth=0.85, zoom=1.2),
    Place("market", indoors.market, (0.6, 0.97),
          {"apple": 2, "orange": 2, "banana": 2, "carrot": 2, "donut": 1, "cake": 0.8, "bottle": 1,
           "potted plant": 0.8},
          {}, ("orange", "apple"), depth=0.85, zoom=1.35),
    Place("living-room", indoors.living_room, (0.76, 0.97),
          {"couch": 2, "chair": 2, "potted plant": 2, "tv": 1.6, "cat": 1.6, "dog": 1, "person": 1.2, "book": 0.8,
           "vase": 1, "teddy bear": 0.6},
          {"clock": 1.4}, ("book",)),
    Place("playroom", indoors.playroom, (0.68, 0.97),
          {"teddy bear": 2.4, "sports ball": 2, "book": 2, "chair": 1.2, "cat": 1, "backpack": 1, "banana": 0.4,
           "person": 1},
          {"clock": 0.8}, ("teddy bear", "sports ball"), zoom=1.15),
    Place("desk", indoors.desk, (0.6, 0.97),
          {"laptop": 2, "keyboard": 1.8, "mouse": 1.8, "cell phone": 1.8, "book": 2, "cup": 1.6, "clock": 1,
           "potted plant": 0.8, "tv": 0.6, "apple": 0.5},
          {"clock": 0.6}, ("book",), depth=0.85, zoom=1.2),
    Place("station", indoors.station, (0.74, 0.97),
          {"suitcase": 2.6, "backpack": 2, "person": 2.4, "bench": 1.6, "bird": 0.6, "umbrella": 0.8, "dog": 0.5},
          {"clock": 1.4}, ("suitcase", "person")),
)  # fmt: skip

PLAIN = (
    Place("plain", indoors.plain, (0.5, 0.98),
          {"apple": 1, "banana": 1, "cup": 1, "bottle": 1, "teddy bear": 1, "sports ball": 1}, depth=0.95, even=222,
          look={"apple": (0, 0), "banana": (0, 0), "cup": (1, 0), "bottle": (0, 0), "teddy bear": (0, 0),
                "sports ball": (0, 0)}),
)  # fmt: skip
LARGE = (replace(PLAIN[0], even=330),)

"""VLM2-Bench's video subtask, in which another model judges open answers. The subtask is scored only on request, and is
not part of the mean over tasks. A second mean, `macro_with_pc_vid`, includes the subtask.

This module does not run the judge model. It reads the judge's replies and averages them as the authors' script does.
"""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgc_bench.errors import SampleFileError, TaskError
from cgc_bench.scoring.summary import Summary, VideoSummary
from cgc_data.common.text import decode

_SCORE = re.compile(r"Score:\s*(\d{1,4})")
# Maximum points from a judge: one for distinguishing two people and, in A-B-A videos, one for recognizing the first
# person again.
_MOST = {"AB": 1, "ABA": 2}


@dataclass(frozen=True)
class VideoScore:
    """Results of the judged subtask. Scores are in percent.

    Attributes:
        judge: name of the judge model, as given by the user.
        score: mean over both kinds of video.
        kinds: score by kind of video, `AB` or `ABA`.
        n: number of replies with a score.
        unread: number of replies without a score, which the authors exclude.
    """

    judge: str
    score: float
    kinds: dict[str, float]
    n: int
    unread: int


def read_judgements(file: Path, judge: str) -> VideoScore:
    """Read lines of `{"vid", "score"}`, where `score` is the judge's reply and contains `Score: N`.

    Raises:
        SampleFileError: the file cannot be read, or a line has another form.
    """
    points: dict[str, list[int]] = defaultdict(list)
    unread = 0
    for video, reply in _lines(file):
        found = _SCORE.search(reply)
        if found:
            points["ABA" if "ABA" in video else "AB"].append(int(found.group(1)))
        unread += not found
    kinds = {kind: 100 * _mean(points[kind]) / most for kind, most in _MOST.items()}
    return VideoScore(judge, sum(kinds.values()) / len(kinds), kinds, sum(map(len, points.values())), unread)


def judged_summary(summary: Summary, file: Path | None, judge: str | None) -> VideoSummary:
    """The entries that the judged video subtask adds to a summary of VLM2-Bench, or an empty dict if the user did not
    request the subtask.

    Raises:
        TaskError: only one of `file` and `judge` is given, or the benchmark has no judged videos.
        SampleFileError: as in `read_judgements`.
    """
    if file is None and judge is None:
        return {}
    if file is None or not judge:
        raise TaskError("judged videos need both --video-judgements FILE and --judge NAME")
    if summary["task"] != "vlm2":
        raise TaskError(f"{summary['task']} has no judged videos: remove --video-judgements")
    videos = read_judgements(file, judge)
    scores = [row["score"] for row in summary["tasks"].values() if row["score"] is not None]
    mean = sum([*scores, videos.score]) / (len(scores) + 1)
    line = (
        f"{judge} judged pc_vid: {videos.score:.2f} ({videos.n} replies, {videos.unread} not readable); the mean with "
        f"pc_vid, as the authors report it, is {mean:.2f}"
    )
    return {
        "pc_vid": {
            "judge": videos.judge,
            "score": videos.score,
            "kinds": videos.kinds,
            "n": videos.n,
            "unread": videos.unread,
        },
        "macro_with_pc_vid": {"score": mean},
        "warnings": [*summary["warnings"], line],
    }


def _lines(file: Path) -> list[tuple[str, str]]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise SampleFileError(f"the judgments {file} cannot be read: {error.strerror}") from error
    return [_judgement(line, f"{file}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _judgement(line: bytes, place: str) -> tuple[str, str]:
    try:
        row: Any = json.loads(decode(line, place, SampleFileError))
    except (ValueError, RecursionError) as error:
        raise SampleFileError(f"{place}: not JSON ({error})") from error
    video, reply = (row.get("vid"), row.get("score")) if isinstance(row, dict) else (None, None)
    if not isinstance(video, str) or not isinstance(reply, str):
        raise SampleFileError(f'{place}: not a judgment {{"vid", "score"}}, both strings')
    return video, reply


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0

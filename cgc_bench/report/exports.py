"""Exports a benchmark's table as CSV for programs and as LaTeX for papers."""

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence

from cgc_bench.report.leaderboard import BOUNDS, OURS, Leaderboard, Line
from cgc_bench.report.paired import MEAN
from cgc_data.common.text import one_line

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{mark: rf"\{mark}" for mark in "&%$#_{}"},
    # After the end of a row, LaTeX would read these characters as options.
    **{mark: f"{{{mark}}}" for mark in "[]*"},
}
_HEAD = """% Needs \\usepackage{{booktabs,graphicx}}. {title}, {metric}, percent; bold is the best of its block.
\\begingroup\\footnotesize\\setlength{{\\tabcolsep}}{{3pt}}%
\\noindent\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%
\\begin{{tabular}}{{@{{}}{columns}@{{}}}}
\\toprule
{heads} \\\\
"""
_TAIL = """\\bottomrule
\\end{tabular}%
}
"""


def as_csv(board: Leaderboard) -> str:
    """CSV with one row per model. The first columns are protocol, tag, model, and metric. The columns of the table and
    the two bounds of the mean's 95 % interval follow.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["protocol", "tag", "model", "metric", *board.columns, f"{MEAN}, low", f"{MEAN}, high"])
    for block in board.blocks:
        for line in block.lines:
            bounds = (line.bounds["low"], line.bounds["high"]) if line.bounds else (None, None)
            values = [*(line.values.get(column) for column in board.columns), *bounds]
            writer.writerow(
                [one_line(block.protocol), line.tag, one_line(line.model), board.metric, *map(_digits, values)]
            )
    return buffer.getvalue()


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def as_latex(board: Leaderboard) -> str:
    """A LaTeX `tabular` with booktabs rules, and a legend that explains the letter of each block.

    The table has a tag column only if it contains published figures. Column headings are rotated, so that a table of
    ten tasks stays legible. A table that is wider than the text is scaled down to the text width.
    """
    names = ["model", "tag"] if _tagged(board) else ["model"]
    turned = [f"\\rotatebox{{90}}{{{latex_text(name.replace('_', ' '))}}}" for name in (*board.columns, BOUNDS)]
    head = _HEAD.format(
        title=one_line(board.title),
        metric=board.metric,
        columns="l" * len(names) + "r" * len(turned),
        heads=" & ".join([*names, *turned]),
    )
    width = len(names) + len(turned)
    blocks = "".join("".join(_block(board, place, width)) for place in range(len(board.blocks)))
    legend = "".join(
        f"\\par\\noindent({letter(place)}) {latex_text(block.protocol)}\n" for place, block in enumerate(board.blocks)
    )
    return f"{head}{blocks}{_TAIL}{legend}\\par\\endgroup\n"


def _tagged(board: Leaderboard) -> bool:
    return any(line.tag != OURS for block in board.blocks for line in block.lines)


def letter(place: int) -> str:
    """The letter of the block at a 0-based position: a, b, ..., z, aa, ab, ..."""
    return (letter(place // 26 - 1) if place >= 26 else "") + chr(ord("a") + place % 26)


def _block(board: Leaderboard, place: int, width: int) -> Iterator[str]:
    yield f"\\midrule\n\\multicolumn{{{width}}}{{l}}{{\\emph{{({letter(place)})}}}} \\\\\n"
    for line in board.blocks[place].lines:
        names = [line.model, line.tag] if _tagged(board) else [line.model]
        cells = [*map(latex_text, names), *_figures(line, board.columns), _bounds(line)]
        yield f"{' & '.join(cells)} \\\\\n"


def _figures(line: Line, columns: Sequence[str]) -> Iterator[str]:
    for column in columns:
        value = line.values.get(column)
        text = "--" if value is None else f"{value:.2f}"
        yield f"\\textbf{{{text}}}" if column in line.best else text


def _bounds(line: Line) -> str:
    if line.bounds is None or line.bounds["low"] is None or line.bounds["high"] is None:
        return "--"
    return f"{line.bounds['low']:.1f}--{line.bounds['high']:.1f}"


def latex_text(text: str) -> str:
    """Convert text to ASCII that every LaTeX engine can print. LaTeX's special characters are escaped, accents are
    dropped, and other non-ASCII characters become question marks.
    """
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", one_line(text)) if not unicodedata.combining(mark))
    return "".join(_ESCAPED.get(mark) or (mark if mark.isascii() else "?") for mark in bare)

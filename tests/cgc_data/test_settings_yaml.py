"""Invalid YAML: a one-line error, in bounded time, for any fault and in every place that reads YAML."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cgc_data.cli import main as data
from cgc_data.common.errors import ConfigError
from cgc_data.common.settings import parse_override, read_yaml
from cgc_data.common.yaml_text import MOST_CHARACTERS, load_yaml
from cgc_train.cli import main as train

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30))
BAD = {
    "day": "samples: 2026-99-99",
    "tagged number": "samples: !!int foo",
    "tagged float": "samples: !!float foo",
    "tagged truth": "samples: !!bool foo",
    "tagged time": "samples: !!timestamp foo",
    "tagged bytes": "samples: !!binary ä",
    "tagged pairs": "samples: !!omap [1]",
    "tagged object": "samples: !!python/object/apply:os.system [id]",
    "merge of a text": "samples: {<<: x}",
    "key of a list": "? [a]\n: 1",
    "number without end": f"samples: {'9' * 5000}",
    "nested lists": f"samples: {'[' * 50_000}{']' * 50_000}",
    "nested maps": f"samples: {'{a: ' * 50_000}1{'}' * 50_000}",
    "nested items": "- " * 20_000,
    "long": "x" * (MOST_CHARACTERS + 1),
    "bomb of lists": BOMB,
    "bomb of merges": MERGES,
    "alias of itself": "samples: &a [*a]",
    "two documents": "samples: 1\n---\nsamples: 2",
    "unknown alias": "samples: *a",
    "control character": "samples: \x01",
    "tab": "samples:\n\t- 1",
}


@pytest.mark.parametrize("case", BAD)
def test_a_text_that_is_no_yaml_is_refused_in_bounded_time(case: str) -> None:
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"\w") as raised:
        load_yaml(BAD[case])
    assert "\n" not in str(raised.value)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("case", BAD)
def test_a_file_and_an_override_are_refused_by_name(tmp_path: Path, case: str) -> None:
    path = tmp_path / "given.yaml"
    path.write_text(BAD[case])
    with pytest.raises(ConfigError, match=r"given\.yaml"):
        read_yaml(path)
    if BAD[case].startswith("samples: ") and "---" not in BAD[case]:
        with pytest.raises(ConfigError, match="not valid YAML"):
            parse_override(f"samples={BAD[case].removeprefix('samples: ')}")


def test_good_yaml_is_read() -> None:
    many = f"[{', '.join(['x'] * 2000)}]"
    assert load_yaml("a: &a {b: [1, 2.5, true, null]}\nc: *a\n# end") == {
        "a": {"b": [1, 2.5, True, None]},
        "c": {"b": [1, 2.5, True, None]},
    }
    assert load_yaml("# nothing") is None
    assert len(load_yaml(many)) == 2000


@pytest.mark.parametrize("case", ["day", "tagged time", "nested lists", "bomb of lists"])
@pytest.mark.parametrize(
    ("main", "arguments"), [(data, ["build", "{}", "--out", "out"]), (train, ["check", "{}"])], ids=["data", "train"]
)
def test_commands_end_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    main: Callable[[], object],
    arguments: list[str],
    case: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("given.yaml").write_text(BAD[case])
    monkeypatch.setattr(sys, "argv", ["command", *(part.format("given.yaml") for part in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().err
    assert ended.value.code == 2
    assert printed.count("\n") == 1
    assert "given.yaml" in printed

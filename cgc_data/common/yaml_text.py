"""Reads untrusted YAML into plain values. Limits the time and memory for parsing, even for text that is rejected."""

from typing import Any

import yaml

MOST_NODES = 100_000  # maximum number of nodes with all aliases expanded
MOST_CHARACTERS = 200_000  # PyYAML needs seconds for longer text
DEEPEST = 64


def load_yaml(text: str) -> Any:
    """Parse a YAML text into plain values. Raises ValueError if the text is invalid, too large, or nested too deep."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"longer than {MOST_CHARACTERS:,} characters")
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _size(node, {})
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    except (AttributeError, KeyError, TypeError, OverflowError, MemoryError):  # such as `!!timestamp x` and `!!bool x`
        raise ValueError("a value does not match the type of its tag") from None


class _Loader(yaml.SafeLoader):
    """A loader that rejects deep nesting, because the parsing time grows with the square of the depth."""

    _depth = 0

    def fetch_flow_collection_start(self, token: Any) -> None:
        if self.flow_level >= DEEPEST:
            raise yaml.YAMLError("nested too deep")
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.YAMLError("nested too deep")
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Number of nodes after all aliases are expanded. Raises ValueError if the number is too large or infinite."""
    if id(node) in known:
        size = known[id(node)]
        if not size:
            raise ValueError("an alias that contains itself")
        return size
    known[id(node)] = 0
    size = 1 + sum(_size(child, known) for child in _children(node))
    if size > MOST_NODES:
        raise ValueError(f"the file has more than {MOST_NODES:,} values, counting aliases")
    known[id(node)] = size
    return size


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []

"""Files in: ordinary ones only, and no more of them than there is a use for."""

from __future__ import annotations

import stat
from pathlib import Path

import yaml

from ganimate.errors import GanimateError

MAX_YAML = 256_000
"""Bytes of the longest YAML file that is read; it takes some seconds."""
MAX_DEPTH = 32


def check_file(path: Path) -> int:
    """The size of a file in bytes.

    Raises:
        GanimateError: nothing is there, or a folder, or a pipe or device, which would be waited
            for, or never end.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise GanimateError(f"{path}: there is no such file") from error
    except (OSError, ValueError) as error:  # too long a name; a zero in it
        reason = getattr(error, "strerror", None) or error
        raise GanimateError(f"{path}: cannot be read: {reason}") from error
    if stat.S_ISDIR(found.st_mode):
        raise GanimateError(f"{path}: this is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise GanimateError(f"{path}: this is a pipe or a device, not a file", "copy it to a file")
    return found.st_size


def is_folder(path: Path) -> bool:
    """Whether a path is a folder's; one that cannot be, such as too long a name, is not."""
    try:
        return path.is_dir()
    except OSError:
        return False


def read_file(path: Path, most: int) -> bytes:
    """A file's content.

    Args:
        path: the file.
        most: bytes; a larger one is not what is wanted.

    Raises:
        GanimateError: as `check_file`, or the file is larger, or may not be read.
    """
    check_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise GanimateError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise GanimateError(f"{path}: larger than such a file may be", f"{most // 1000} kB")
    return content


class ShallowLoader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML's safe loader, for files that nest a few levels: deep ones take it seconds to refuse."""

    depth = 0

    def compose_node(self, parent: yaml.Node, index: object) -> yaml.Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _DataLoader(ShallowLoader):
    """Refuses aliases and keys given twice, of which the last would win in silence."""

    def compose_node(self, parent: yaml.Node, index: object) -> yaml.Node:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> object:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{key.value} is given twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


BAD_VALUES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
"""What PyYAML raises for a value that is not of its type: !!int x, 2001-99-99, 1:1:1:1 ..."""


def read_yaml(path: Path) -> object:
    """What a YAML file says: dicts, lists and plain values.

    Raises:
        GanimateError: as `read_file`, or it is not YAML, gives a key twice, or uses aliases, by
            which a short file can hold more than any memory.
    """
    content = read_file(path, MAX_YAML)
    try:
        return yaml.load(content.decode("utf-8-sig"), _DataLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise GanimateError(f"{path}{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GanimateError(f"{path}: not a text file in UTF-8") from error
    except BAD_VALUES as error:
        raise GanimateError(f"{path}: not valid YAML: a value is not of its type") from error

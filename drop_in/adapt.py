"""Fits a copied yaml file to a fork's config: values of its kinds, and no keys that it does not know.

Works on lines, so that comments and layout stay.
"""
import ast
from collections.abc import Iterator, Mapping

import yaml


def leaves(node: yaml.MappingNode, prefix: str = "") -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """(key such as OPTIM.LR, its node, its value's node) of all values in a yaml file."""
    for key, value in node.value:
        if isinstance(value, yaml.MappingNode):
            yield from leaves(value, f"{prefix}{key.value}.")
        else:
            yield prefix + key.value, key, value


def decoded(node: yaml.Node) -> object:
    """A value as yacs reads it: words that are Python's, such as (1, 2), are what they say."""
    value = yaml.safe_load(yaml.serialize(node))
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value


def converted(value: object, kind: str) -> object:
    """A value as another kind that means the same.

    Words become True and no words False: forks that have a switch for initial words choose the words themselves.

    Raises:
        TypeError: there is no such value.
    """
    own = type(value).__name__
    if kind in (own, "NoneType") or {kind, own} == {"tuple", "list"}:
        return value
    if kind == "bool" and isinstance(value, str):
        return bool(value)
    if kind == "float" and own == "int":
        return float(str(value))
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    raise TypeError(f"{value!r} is no {kind}")


def adapted(content: bytes, path: str, kinds: Mapping[str, str], nodes: tuple[str, ...]) -> tuple[bytes, list[str]]:
    """A yaml file that a fork can merge, and a sentence for each key that is not as it was.

    Args:
        content: the file. path: its name in the sentences. kinds: of the fork's keys.
        nodes: beginnings of keys that ``kinds`` knows all of; other keys stay as they are.
    """
    text = content.decode()
    lines, sentences = text.split("\n"), []
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    gone: set[int] = set()
    there = {name for name, *_ in leaves(root)}
    for name, key, node in leaves(root):
        if not name.startswith(nodes):
            continue
        number, value = key.start_mark.line, decoded(node)
        if name not in kinds:
            gone.update(range(number, node.end_mark.line + 1))
            sentences.append(f"this train.py does not set {name}: left out of {path}")
            continue
        try:
            new = converted(value, kinds[name])
        except TypeError:
            gone.update(range(number, node.end_mark.line + 1))
            sentences.append(f"{name} is a {kinds[name]} here and cannot be {value!r}: left out of {path}")
            continue
        if type(new) is not type(value):
            start, end = node.start_mark.column, node.end_mark.column
            lines[number] = lines[number][:start] + repr(new) + lines[number][end:]
            sentences.append(f"{name} is a {kinds[name]} here: {value!r} becomes {new!r} in {path}")
            length = f"{name.removesuffix('CTX_INIT')}N_CTX"  # some forks hold on to it in spite of the words
            if new is True and name.endswith(".CTX_INIT") and kinds.get(length) == "int" and length not in there:
                count = len(str(value).split())
                lines[number] += f"\n{' ' * key.start_mark.column}N_CTX: {count}  # words in {value!r}"
                sentences.append(f"{length} {count}, the number of words in {value!r}, is added to {path}")
    empty_mappings(root, gone)
    return "\n".join(line for number, line in enumerate(lines) if number not in gone).encode(), sentences


def empty_mappings(node: yaml.MappingNode, gone: set[int]) -> bool:
    """Add the lines of keys that lose all that is below them to ``gone``; whether ``node`` itself does."""
    for key, value in node.value:
        if isinstance(value, yaml.MappingNode) and empty_mappings(value, gone):
            gone.add(key.start_mark.line)
    return all(key.start_mark.line in gone for key, _ in node.value)

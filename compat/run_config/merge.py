"""Putting values into a config: known keys alone, each with a value of its default's type."""
import ast
import reprlib
from collections.abc import Mapping
from typing import Any

from yacs.config import CfgNode

from ..errors import UnknownNameError, UserError
from ..settings import flat_config
from .values import wanted
from .words import check_text


def merge_mapping(cfg: CfgNode, values: Mapping[Any, Any]) -> None:
    """Merge what a yaml file holds.

    Raises:
        UserError: a key is unknown, or a value is of another type than its default.
    """
    _merge(cfg, cfg, values, "")


def set_key(cfg: CfgNode, key: str, value: object) -> None:
    """Give one key, such as OPTIM.LR, a value, which may be written as Python writes it: "0.1", "True", "(32, 32)".

    Raises:
        UserError: as merge_mapping.
    """
    *groups, name = key.split(".")
    node = cfg
    for group in groups:
        node = node.get(group) if isinstance(node, CfgNode) else None
    if not isinstance(node, CfgNode):
        raise unknown_key(cfg, key)
    _merge(cfg, node, {name: value}, "".join(f"{group}." for group in groups))


def _merge(cfg: CfgNode, node: CfgNode, values: Mapping[Any, Any], prefix: str) -> None:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if name not in node:
            raise unknown_key(cfg, key)
        if not isinstance(node[name], CfgNode):
            node[name] = typed(key, value, node[name])
        elif isinstance(value, Mapping):
            _merge(cfg, node[name], value, f"{key}.")
        else:
            raise UserError(f"{key} is {reprlib.repr(value)}, but it is a group: give its keys, such as "
                            f"{key}.{next(iter(node[name]))}")


def typed(key: str, value: Any, default: object) -> Any:
    """``value`` as the type of a key's default; UserError if it cannot be that."""
    kind, given = type(default), value
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            pass
        if kind is str and not isinstance(value, str):
            value = given  # a folder named 123
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    if kind in (list, tuple) and isinstance(value, (list, tuple)):
        value = kind(value)
    if type(value) is not kind and default is not None:
        raise UserError(f"{key} is {reprlib.repr(given)}: give {wanted(key, kind)}")
    for part in value if isinstance(value, (list, tuple)) else [value]:
        if type(part) not in (bool, int, float, str):
            raise UserError(f"{key} is {reprlib.repr(given)}: give {wanted(key, kind)}")
        if isinstance(part, str):
            check_text(key, part)
    return value


def unknown_key(cfg: CfgNode, key: str) -> UnknownNameError:
    """An error that names the nearest of a config's keys."""
    from difflib import get_close_matches  # seldom needed

    near = get_close_matches(key.upper(), flat_config(cfg), 1, 0)
    return UnknownNameError(f"{key!r} is no config key: did you mean {near[0]}? (the keys are in docs/design.md)")

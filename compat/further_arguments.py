"""Keyword arguments that repositories give to Dassl's methods beyond Dassl's own, such as ``test(is_final=True)``."""
import difflib
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def leave_out(method: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Warn that a method takes keyword arguments and has no use for them.

    Raises:
        TypeError: one resembles an argument that the method has: a typing error must not be left out in silence.
    """
    known = [name for name, parameter in inspect.signature(method).parameters.items()
             if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    for name in options:
        if near := difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            raise TypeError(f"{method.__name__}() got the keyword argument {name!r}: did you mean {near[0]!r}?")
    if options:
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        warnings.warn(f"{method.__name__}() has no use for {given}: left out", stacklevel=3)

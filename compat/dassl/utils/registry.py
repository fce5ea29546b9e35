"""Tables of classes by name, and what to say when a name is not in them."""
import difflib

from compat.errors import UnknownNameError


class Registry:
    """Objects by name; ``@REGISTRY.register()`` adds a class or function under its own name."""

    def __init__(self, name):
        self._name = name
        self._objects = {}

    def register(self, obj=None, force=False):
        """Add an object, as a decorator or directly.

        Raises:
            KeyError: the name is taken and ``force`` is not set.
        """
        if obj is None:
            return lambda decorated: self.register(decorated, force)
        name = obj.__name__
        if name in self._objects and not force:
            raise KeyError(f"{name!r} is registered in {self._name} already")
        self._objects[name] = obj
        return obj

    def get(self, name):
        """The object of a name.

        Raises:
            UnknownNameError: no object has this name; the sentence lists those there are and the nearest.
        """
        check_availability(name, self.registered_names(), what=self._name)
        return self._objects[name]

    def registered_names(self):
        return list(self._objects)

    def __contains__(self, name):
        return name in self._objects


def get_most_similar_str_to_a_from_b(a, b):
    """The string of the list ``b`` that resembles the string ``a`` most, whatever their case; "" if ``b`` is empty."""
    def likeness(candidate):
        return difflib.SequenceMatcher(None, a.lower(), candidate.lower()).ratio()

    return max(b, key=likeness, default="")


def check_availability(requested, available, what="name"):
    """Raise UnknownNameError unless ``requested`` is in the list ``available``.

    Args:
        what: how the sentence calls it, such as the config key it came from.
    """
    if requested in available:
        return
    near = get_most_similar_str_to_a_from_b(str(requested), available)
    choices = ", ".join(sorted(available)) or "none (nothing is registered)"
    raise UnknownNameError(
        f"{what} {requested!r} is unknown: choose one of {choices}"
        + (f"; did you mean {near!r}?" if near and requested else "")
    )

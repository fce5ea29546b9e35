"""One image of a data set."""
from operator import attrgetter
from typing import Any


def read_only(name: str) -> Any:
    """A property that gives the attribute ``name``."""
    return property(attrgetter(name))


class Datum:
    """Read-only: ``impath`` (path of the image), ``label`` (int), ``domain`` (int), ``classname``.

    The underscored names are those of pickles made with the original Dassl.
    """

    impath: str = read_only("_impath")
    label: int = read_only("_label")
    domain: int = read_only("_domain")
    classname: str = read_only("_classname")

    def __init__(self, impath: str = "", label: int = 0, domain: int = 0, classname: str = "") -> None:
        if not isinstance(impath, str):
            raise TypeError(f"impath is a {type(impath).__name__}, not a string")
        self._impath = impath
        self._label = label
        self._domain = domain
        self._classname = classname

    def __repr__(self) -> str:
        return f"Datum({self.impath!r}, label={self.label}, domain={self.domain}, classname={self.classname!r})"


# Under the name that Dassl 0.6.3 gives it, so that either engine reads the few-shot draws that the other pickled.
Datum.__module__ = __name__.rpartition(".")[0] + ".base_dataset"

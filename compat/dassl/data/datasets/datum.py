"""One image of a data set."""


class Datum:
    """Read-only: ``impath`` (path of the image), ``label`` (int), ``domain`` (int), ``classname``.

    The underscored names are those of pickles made with the original Dassl.
    """

    def __init__(self, impath: str = "", label: int = 0, domain: int = 0, classname: str = "") -> None:
        if not isinstance(impath, str):
            raise TypeError(f"impath is a {type(impath).__name__}, not a string")
        self._impath = impath
        self._label = label
        self._domain = domain
        self._classname = classname

    @property
    def impath(self) -> str:
        return self._impath

    @property
    def label(self) -> int:
        return self._label

    @property
    def domain(self) -> int:
        return self._domain

    @property
    def classname(self) -> str:
        return self._classname

    def __repr__(self) -> str:
        return f"Datum({self.impath!r}, label={self.label}, domain={self.domain}, classname={self.classname!r})"


# Under the name that Dassl 0.6.3 gives it, so that either engine reads the few-shot draws that the other pickled.
Datum.__module__ = __name__.rpartition(".")[0] + ".base_dataset"

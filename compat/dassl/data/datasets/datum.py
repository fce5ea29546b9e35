"""One image of a data set."""


class Datum:
    """Read-only: ``impath`` (path of the image), ``label`` (int), ``domain`` (int), ``classname``.

    The underscored names are those of pickles made with the original Dassl.
    """

    def __init__(self, impath="", label=0, domain=0, classname=""):
        if not isinstance(impath, str):
            raise TypeError(f"impath is a {type(impath).__name__}, not a string")
        self._impath = impath
        self._label = label
        self._domain = domain
        self._classname = classname

    @property
    def impath(self):
        return self._impath

    @property
    def label(self):
        return self._label

    @property
    def domain(self):
        return self._domain

    @property
    def classname(self):
        return self._classname

    def __repr__(self):
        return f"Datum({self.impath!r}, label={self.label}, domain={self.domain}, classname={self.classname!r})"


# Under the name that Dassl 0.6.3 gives it, so that either engine reads the few-shot draws that the other pickled.
Datum.__module__ = __name__.rpartition(".")[0] + ".base_dataset"

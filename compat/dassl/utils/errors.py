"""Errors that a user can cause and mend."""


class UserError(Exception):
    """One sentence that names the thing, its value and the remedy.

    A command line prints the sentence without traceback and exits with ``exit_code``. The constructor takes the
    sentence alone, because DataLoader re-raises a worker's exception by calling its class with one argument.
    """

    exit_code = 2

    def __str__(self):
        return str(self.args[0]) if self.args else ""  # KeyError, a base of some, would put it in quotes


class UnknownNameError(UserError, KeyError, ValueError):
    """A name that is in no registry, or not among the choices of a config key."""


class MissingFileError(UserError, FileNotFoundError):
    """A file or folder that should be there is not."""


class DamagedFileError(UserError, ValueError):
    """A file that cannot be read, or holds something else than it should."""


class WriteError(UserError, OSError):
    """A file could not be written; what was there before is untouched."""

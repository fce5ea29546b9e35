"""The error of the plug-in that a user can cause."""


class MAOError(ValueError):
    """One sentence that names the thing, its value and the remedy; the command line exits with 2."""

    exit_code = 2

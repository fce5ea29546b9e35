"""The error of the data sets that a user can cause."""


class DatasetError(ValueError):
    """One sentence that names the thing, its value and the remedy; the command line exits with 2."""

    exit_code = 2

"""The error of a sweep that a user can mend."""


class SweepError(Exception):
    """One sentence that names the thing, its value and the remedy; the command line exits with 2."""

    exit_code = 2

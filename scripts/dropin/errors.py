"""The error of the drop-in tool that a user can cause."""


class DropInError(Exception):
    """One sentence that names the thing, its value and the remedy; the command line exits with 2."""

    exit_code = 2

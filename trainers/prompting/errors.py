"""The error of the backbones that a user can cause."""


class PromptingError(ValueError):
    """One sentence that names the thing, its value and the remedy; the command line exits with 2."""

    exit_code = 2

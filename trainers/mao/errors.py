"""The error of the plug-in that a user can cause."""


class MAOError(ValueError):
    """One sentence that names the thing, its value and the remedy.

    The plug-in is copied into repositories that have no ``compat.errors``, so it has an error of its own. Our command
    lines know it by ``exit_code``.
    """

    exit_code = 2

"""The words of a command line: flags first, then KEY VALUE pairs of the config."""
import argparse
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..errors import UserError

CONFIG_KEY = re.compile(r"[A-Za-z_]\w*(\.\w+)+|OUTPUT_DIR|RESUME|SEED|USE_CUDA|VERBOSE|VERSION")


class Parser(argparse.ArgumentParser):
    """Flags, then KEY VALUE pairs; says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the flags)")

    def parse(self, argv: Sequence[str] | None = None) -> argparse.Namespace:
        """The flags, and ``opts``: the pairs, which begin at the first config key that is not a flag's first value.

        Raises:
            UserError: the words do not fit.
        """
        words = list(sys.argv[1:] if argv is None else argv)
        switches = {name for action in self._actions if action.nargs == 0 for name in action.option_strings}
        begin = next((k for k, word in enumerate(words) if CONFIG_KEY.fullmatch(word)
                      and not (k and words[k - 1].startswith("--") and words[k - 1] not in switches)), len(words))
        flags, pairs = words[:begin], words[begin:]
        for word in words:
            check_text("the word", word)
        for before, word in zip(["the command", *flags], flags, strict=False):
            if not word or word.startswith("--") and word.endswith("="):
                raise UserError(f"{word or before} has an empty value: give one, or leave it out")
        args = self.parse_args(flags)
        for word in pairs:
            if word.startswith("--"):
                raise UserError(f"{word!r} stands behind KEY VALUE pairs, which go on to the end: put it before them")
        if len(pairs) % 2:
            raise UserError(f"the words after the flags must be KEY VALUE pairs, but {pairs[-1]!r} stands alone")
        args.opts = pairs
        return args


def check_text(what: str, value: str) -> None:
    """Raise UserError unless a text can be written to a file and be part of a path."""
    if "\0" in value or value.encode(errors="ignore").decode() != value:
        raise UserError(f"{what} {value!r} is not UTF-8 text: give another one")

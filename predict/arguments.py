"""What the command lines that use a finished run share: its folder, and whose prompts of it to take."""
import argparse

from compat.errors import UserError
from compat.run_config.words import Parser


def run_parser(description: str | None) -> Parser:
    """A parser with the flags that ``load_run`` needs. ``description``: docstring of the command, its summary first."""
    summary, _, rest = (description or "").partition("\n\n")
    parser = Parser(description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter,
                    allow_abbrev=False)
    parser.add_argument("--model-dir", required=True, help="output folder of the training (of a zero-shot run, too)")
    parser.add_argument("--epoch", type=int, help="epoch of the checkpoint (default: best, else last)")
    parser.add_argument("--step", type=int, choices=(1, 2), help="of a run of MAO's step 2: whose prompts (2)")
    parser.add_argument("--backbone", default="", help="where CLIP's weights are now, if not where they were")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def check_numbers(args: argparse.Namespace, **least: int) -> None:
    """Raise UserError for a flag below the least value that is given for it."""
    for flag, smallest in {**least, "epoch": 1}.items():
        value = getattr(args, flag)
        if value is not None and not smallest <= value <= 10**6:
            raise UserError(f"--{flag.replace('_', '-')} is {value}: give a whole number from {smallest}")

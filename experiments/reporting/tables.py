"""Print tables of accuracy or cost from records of runs, never from log text.

    python scripts/tables.py output/quickstart
    python scripts/tables.py output --layout table1 --format markdown --output table.md

--layout auto gives one base-to-new table per data set: accuracy in per cent on the test images of base and of new
classes, mean and sample standard deviation over seeds, and H, the harmonic mean of the two means. The other layouts are
those of the paper's tables and of the experiments around them (docs/tables.md). A cell without records is a dash,
and is named below the table.
"""
import argparse
import sys
from collections.abc import Sequence

from compat.errors import UserError, exit_code
from runs.records import StrPath

from .layouts import LAYOUTS, MADE_BY
from .request import Request, request_of, request_parser, write_output
from .table import Table
from .text import FORMATS, render


def make_tables(request: Request, layout: str, paths: Sequence[StrPath]) -> list[Table]:
    """Tables of a layout.

    Raises:
        UserError: the records have nothing for it, or two runs claim a cell.
    """
    tables = LAYOUTS[layout](request)
    if not tables:
        kind = "base-to-new" if layout == "auto" else layout
        what = "measurements" if layout == "efficiency" else f"{kind} evaluations"
        asked = " of the methods and data sets asked for" if request.methods or request.datasets else ""
        raise UserError(f"no {what}{asked} in {', '.join(map(str, paths))}: run {MADE_BY[layout]} first")
    return tables


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = request_parser(__doc__.split("\n\n")[0], None, "file to write to instead of the terminal")
    parser.add_argument("--layout", choices=LAYOUTS, default="auto")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument("--split", choices=("test", "val"), default="test")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    tables = make_tables(request_of(args, args.split), args.layout, args.paths)
    text = render(tables, args.format, ansi=args.output is None and sys.stdout.isatty())
    if args.output is not None:
        write_output(args.output, text + "\n")
    else:
        print(text, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_arguments(argv)
    return exit_code(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())

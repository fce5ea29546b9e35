"""Draw the bar chart of base, new and H alone, as one PNG.

    python scripts/chart.py output/quickstart --output output/quickstart/chart.png
"""
import argparse
import sys
from collections.abc import Sequence

from compat.errors import UserError, exit_code

from .figures.bars import bars
from .request import request_of, request_parser, write_output


def run(args: argparse.Namespace) -> None:
    drawings = bars(request_of(args))
    if not drawings:
        raise UserError(f"no base-to-new evaluations in {', '.join(args.paths)}: there is nothing to draw")
    write_output(args.output, drawings[0].png())


def main(argv: Sequence[str] | None = None) -> int:
    args = request_parser(__doc__.split("\n\n")[0], "chart.png", "PNG to write").parse_args(argv)
    return exit_code(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())

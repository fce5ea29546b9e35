"""Draw figures from records of runs, each as PNG and SVG.

    python scripts/figures.py output --output output/figures
    python scripts/figures.py output --figures gain plane --methods CoOp CoOp_MAO
"""
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from compat.errors import UserError, exit_code

from ..request import request_of, request_parser, write_output
from . import FIGURES, NEEDS


def run(args: argparse.Namespace) -> None:
    request = request_of(args)
    drawings = {name: FIGURES[name](request) for name in args.figures}
    if not any(drawings.values()):
        raise UserError(f"no records for figures in {', '.join(args.paths)}: the first needs {NEEDS[args.figures[0]]}")
    for name, found in drawings.items():
        if not found:
            print(f"left out: {NEEDS[name]}: there are none")
        for drawing in found:
            for form, content in (("png", drawing.png()), ("svg", drawing.svg())):
                path = Path(args.output) / f"{drawing.name}.{form}"
                write_output(path, content)
                print(path)


def main(argv: Sequence[str] | None = None) -> int:
    parser = request_parser(__doc__.split("\n\n")[0], "figures", "folder to write to (default: figures)")
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=list(FIGURES), help="(default: all)")
    args = parser.parse_args(argv)
    return exit_code(lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())

"""Draw figures from records of runs, each as PNG and SVG.

    python scripts/figures.py output --output output/figures
    python scripts/figures.py output --figures gain plane --methods CoOp CoOp_MAO
"""
import argparse
import sys
from pathlib import Path

from compat.errors import UserError
from compat.files import write_file

from ..request import read_request
from . import FIGURES, NEEDS


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("paths", nargs="+", help="output folders (searched for files of records) or such files")
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=list(FIGURES), help="(default: all)")
    parser.add_argument("--output", default="figures", help="folder to write to")
    parser.add_argument("--methods", nargs="+", help="(default: all there are)")
    parser.add_argument("--datasets", nargs="+", help="(default: all there are)")
    parser.add_argument("--shots", type=int, help="training images a class (default: those there are, or 16)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out lines that cannot be read")
    args = parser.parse_args(argv)
    try:
        request = read_request(args.paths, args.methods, args.datasets, args.shots, skip_bad=args.skip_bad)
        drawings = {name: FIGURES[name](request) for name in args.figures}
        if not any(drawings.values()):
            raise UserError(f"no records for figures in {', '.join(args.paths)}: the first needs "
                            f"{NEEDS[args.figures[0]]}")
        for name, found in drawings.items():
            if not found:
                print(f"left out: {NEEDS[name]}: there are none")
            for drawing in found:
                for form in ("png", "svg"):
                    path = Path(args.output) / f"{drawing.name}.{form}"
                    write_file(path, getattr(drawing, form)())
                    print(path)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

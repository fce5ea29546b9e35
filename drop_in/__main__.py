"""Put MAO into a repository of the CoOp family that you already have, or take it out again.

    python scripts/drop_in.py /path/to/fork --dry-run           show what would change
    python scripts/drop_in.py /path/to/fork
    python scripts/drop_in.py /path/to/fork --backbones maple,promptsrc --with-engine
    python scripts/drop_in.py /path/to/fork --uninstall         as it was, byte for byte

Copies trainers/mao and the MAO yaml files, and adds an import and a config call to train.py, each in a marked line.
Then the fork's own train.py knows CoOp_MAO, MaPLe_MAO and PromptSRC_MAO, as far as it has their hosts.
See docs/drop_in.md.
"""
import argparse
import difflib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from compat.errors import UserError, exit_code

from .checks import check_works
from .contents import HERE
from .fork import find_fork
from .install import check_inside, uninstall, write_all
from .manifest import MANIFEST, read_manifest
from .plan import Plan, make_plan, trainer_of


def install(root: Path, words: Sequence[str], with_engine: bool, force: bool, dry_run: bool) -> None:
    """Put MAO into a fork and print what changes; arguments as of the command line."""
    plan = make_plan(root, words, with_engine, force)
    show(plan)
    if not plan.changes:
        print("nothing to do: all of it is there already")
    elif dry_run:
        print("dry run: nothing was written")
    else:
        yaml_files = {path: trainer_of(path) for path in plan.files if path.startswith("configs/")}
        check = (lambda: None) if plan.fault else (lambda: check_works(root, plan.hosts, yaml_files))
        write_all(root, plan.files, plan.train_after, plan.manifest, plan.adapted, check)
        print(f"done: {root} now knows {', '.join(f'{host}_MAO' for host in plan.hosts) or 'no MAO trainer yet'}")
    if not plan.hosts:
        print("note: none of CoOp, MaPLe and PromptSRC is here; name other hosts with MAO_HOSTS (docs/drop_in.md), or "
              "copy one with --backbones")


def show(plan: Plan) -> None:
    """Print the changed lines of train.py and of adapted yaml files, the number of new files per folder, and the notes.
    """
    show_difference("train.py", plan.train_before, plan.train_after)
    for path in plan.adapted.keys() & plan.new_files:
        show_difference(path, (HERE / path).read_bytes(), plan.files[path])
    for folder, count in sorted(Counter(str(Path(path).parent) for path in plan.new_files).items()):
        print(f"{folder}: {count} files")
    for note in plan.notes:
        print(f"note: {note}")


def show_difference(path: str, before: bytes, after: bytes) -> None:
    old, new = (source.decode(errors="replace").replace("\r\n", "\n").split("\n") for source in (before, after))
    for line in difflib.unified_diff(old, new, path, path, lineterm=""):
        print(line)


def remove(root: Path, force: bool, dry_run: bool) -> None:
    """Take MAO out of a fork and print what stays; arguments as of the command line."""
    manifest = read_manifest(root)
    if manifest is None:
        raise UserError(f"{str(root)!r} has nothing to uninstall: there is no manifest of an earlier call")
    check_inside(root, ["train.py", MANIFEST, *manifest.files, *manifest.folders])
    if dry_run:
        print(f"would remove {len(manifest.files)} files and the marked lines of train.py; nothing was written")
        return
    for note in uninstall(root, manifest, force):
        print(f"note: {note}")
    print(f"done: MAO is out of {root}")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("fork", help="root folder of the repository, with its train.py")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    parser.add_argument("--backbones", default="", help="backbones to copy if they are missing: some of "
                        "cocoop,coop,ivlp,kgcoop,maple,promptsrc,vpt")
    parser.add_argument("--with-engine", action="store_true",
                        help="also copy compat/, the Dassl for current PyTorch, used where the installed one fails")
    parser.add_argument("--force", action="store_true", help="in spite of uncommitted or changed files")
    parser.add_argument("--uninstall", action="store_true", help="take everything out again")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    root = find_fork(args.fork)
    if args.uninstall:
        remove(root, args.force, args.dry_run)
    else:
        words = [word.strip().lower() for word in args.backbones.split(",") if word.strip()]
        install(root, words, args.with_engine, args.force, args.dry_run)


def main(argv: Sequence[str] | None = None) -> int:
    return exit_code(lambda: run(parse_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())

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
from pathlib import Path

from compat.errors import UserError

from .contents import BACKBONES, choose_backbones, contents, keys_unknown_to
from .fork import find_fork, registered_trainers, uncommitted_changes
from .install import check_targets, read_manifest, uninstall, write_all
from .train_file import edited


def install(root, words, with_engine, force, dry_run):
    """Put MAO into a fork; prints what it does."""
    manifest = read_manifest(root)
    earlier = manifest["files"] if manifest else {}
    own = {"train.py", *earlier} if manifest else set()
    words = list(dict.fromkeys([*words, *(word for word in BACKBONES if f"trainers/{word}.py" in earlier)]))
    with_engine = with_engine or "compat/__init__.py" in earlier  # what an earlier call brought stays
    changed = uncommitted_changes(root, own)
    if changed and not force:
        raise UserError(f"git says that {changed[0]!r} in {str(root)!r} has uncommitted changes: commit or stash "
                        "them first, or go on with --force")
    trainers = registered_trainers(root)
    backbones, notes = choose_backbones(words, trainers, root)
    hosts = sorted({*trainers, *(BACKBONES[word] for word in backbones)} & set(BACKBONES.values()))
    files = contents(hosts, backbones, with_engine)
    check_targets(root, files, manifest, force)
    before = (root / "train.py").read_bytes()
    after = edited(before, [*(f"trainers.{word}" for word in backbones), "trainers.mao"], with_engine)

    sys.stdout.writelines(difflib.unified_diff(text_lines(before), text_lines(after), "train.py", "train.py"))
    fresh = {path: content for path, content in files.items()
             if not (root / path).exists() or (root / path).read_bytes() != content}
    for folder in sorted({str(Path(path).parent) for path in fresh}):
        print(f"{folder}: {sum(str(Path(path).parent) == folder for path in fresh)} files")
    if backbones:
        known = after + b"".join(content for path, content in files.items() if path.endswith(".py"))
    else:
        known = after
    for key in keys_unknown_to(known, files):
        notes.append(f"this train.py does not set {key}, which a MAO yaml file uses: remove it there, or add it to "
                     "extend_cfg")
    for note in notes:
        print(f"note: {note}")
    if before == after and not fresh:
        print("nothing to do: all of it is there already")
    elif dry_run:
        print("dry run: nothing was written")
    else:
        write_all(root, files, after, manifest)
        print(f"done: {root} now knows {', '.join(f'{host}_MAO' for host in hosts) or 'no MAO trainer yet'}")
    if not hosts:
        print("note: none of CoOp, MaPLe and PromptSRC is here; name other hosts with MAO_HOSTS (docs/drop_in.md), or "
              "copy one with --backbones")


def text_lines(source):
    """Lines of a source for a diff."""
    return [line + "\n" for line in source.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")]


def remove(root, force, dry_run):
    """Take MAO out of a fork; prints what it does."""
    manifest = read_manifest(root)
    if manifest is None:
        raise UserError(f"{str(root)!r} has nothing to uninstall: there is no manifest of an earlier call")
    if dry_run:
        print(f"would remove {len(manifest['files'])} files and the marked lines of train.py; nothing was written")
        return
    for note in uninstall(root, manifest, force):
        print(f"note: {note}")
    print(f"done: MAO is out of {root}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("fork", help="root folder of the repository, with its train.py")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, write nothing")
    parser.add_argument("--backbones", default="", help="backbones to copy if they are missing: coop,maple,promptsrc")
    parser.add_argument("--with-engine", action="store_true",
                        help="also copy compat/, the Dassl for current PyTorch, used where the installed one fails")
    parser.add_argument("--force", action="store_true", help="in spite of uncommitted or changed files")
    parser.add_argument("--uninstall", action="store_true", help="take everything out again")
    args = parser.parse_args(argv)
    try:
        root = find_fork(args.fork)
        if args.uninstall:
            remove(root, args.force, args.dry_run)
        else:
            words = [word.strip().lower() for word in args.backbones.split(",") if word.strip()]
            install(root, words, args.with_engine, args.force, args.dry_run)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: cannot write {error.filename!r} ({error.strerror}): nothing was changed; make it writable",
              file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

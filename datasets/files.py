"""Which of the images that a split lists are on disk."""
import os

SHOWN = 3  # names that a sentence gives before it says how many more there are


def missing_files(folder, paths):
    """Those of the paths, relative to ``folder``, that are not there, in their order.

    Each folder is listed once and no file is asked for, which is fast for a million images too.
    """
    listed = {}
    missing = []
    for path in paths:
        parent, _, name = path.rpartition("/")
        if parent not in listed:
            try:
                listed[parent] = set(os.listdir(os.path.join(folder, parent)))
            except OSError:
                listed[parent] = set()
        if name not in listed[parent]:
            missing.append(path)
    return missing


def missing_folders(folder, paths):
    """Those of the folders that hold the given paths, relative to ``folder``, that are not there, in their order."""
    parents = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return [parent for parent in parents if not os.path.isdir(os.path.join(folder, parent))]


def summary(names):
    """"a, b, c and 5 more" of a list of names."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

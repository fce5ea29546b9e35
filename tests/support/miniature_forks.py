"""The miniature forks of tests/drop_in/forks, and calls of the drop-in tool."""
import shutil

from drop_in import __main__ as drop_in


def copied(repository, folder, name):
    target = folder / name
    shutil.copytree(repository / "tests" / "drop_in" / "forks" / name, target,
                    ignore=shutil.ignore_patterns("__pycache__"))
    return target


def snapshot(root):
    """{path: bytes} of everything below a folder; None for folders."""
    return {path.relative_to(root): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
            if ".git" not in path.relative_to(root).parts}


def call(*arguments):
    return drop_in.main([str(argument) for argument in arguments])


def refuses(capsys, *arguments, words):
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    for word in words:
        assert word in error

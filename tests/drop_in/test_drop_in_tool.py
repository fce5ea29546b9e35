"""The drop-in tool: what it changes, what it refuses, and that it takes everything back, byte for byte."""
import ast
import json
import os
import shutil
import subprocess

import pytest
import yaml

from compat.errors import UserError
from drop_in import __main__ as drop_in
from drop_in.adapt import converted
from drop_in.manifest import MANIFEST
from drop_in.train_file import edited, restored

pytestmark = pytest.mark.usefixtures("warm_checks")


@pytest.fixture
def fork(repository, tmp_path):
    return copied(repository, tmp_path, "coop_like")


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


# The whole way

@pytest.mark.parametrize("name", ["coop_like", "promptsrc_like"])
@pytest.mark.parametrize("options", [[], ["--with-engine"], ["--backbones", "coop,maple,promptsrc", "--with-engine"]])
def test_uninstall_restores_every_byte(repository, tmp_path, name, options, capsys):
    fork = copied(repository, tmp_path, name)
    before = snapshot(fork)
    assert call(fork, *options) == 0
    during = snapshot(fork)
    assert set(before) < set(during)
    assert [str(path) for path in before if before[path] != during[path]] == ["train.py"]
    (fork / "trainers" / "mao" / "__pycache__").mkdir()  # as a run leaves it
    (fork / "trainers" / "mao" / "__pycache__" / "config.cpython-311.pyc").touch()
    assert call(fork, "--uninstall") == 0
    assert snapshot(fork) == before


def test_a_second_call_changes_nothing(fork, capsys):
    call(fork)
    before = snapshot(fork)
    capsys.readouterr()
    assert call(fork) == 0
    assert "nothing to do" in capsys.readouterr().out and snapshot(fork) == before


def test_more_can_be_added_later_and_all_of_it_is_taken_out(fork):
    before = snapshot(fork)
    call(fork)
    call(fork, "--backbones", "maple")
    call(fork, "--backbones", "maple", "--with-engine")
    assert (fork / "train.py").read_text().count("# MAO drop-in") == 5
    call(fork, "--uninstall")
    assert snapshot(fork) == before


def test_a_plain_call_keeps_what_an_earlier_one_brought(fork, capsys):
    call(fork, "--backbones", "maple", "--with-engine")
    before = snapshot(fork)
    assert call(fork) == 0
    assert "nothing to do" in capsys.readouterr().out and snapshot(fork) == before


def test_a_dry_run_shows_the_lines_and_writes_nothing(fork, capsys):
    before = snapshot(fork)
    assert call(fork, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "+import trainers.mao  # MAO drop-in" in out and "+    trainers.mao.extend_cfg(cfg)  # MAO drop-in" in out
    assert "trainers/mao: " in out and "nothing was written" in out
    assert snapshot(fork) == before
    call(fork)
    during = snapshot(fork)
    assert call(fork, "--uninstall", "--dry-run") == 0 and snapshot(fork) == during


def test_yaml_files_follow_the_hosts(repository, tmp_path):
    forks = {name: copied(repository, tmp_path, name) for name in ("coop_like", "promptsrc_like")}
    for fork in forks.values():
        call(fork)
    configs = {name: {path.name for path in (fork / "configs" / "trainers").iterdir()} for name, fork in forks.items()}
    assert configs == {"coop_like": {"CoOp", "CoOp_MAO"}, "promptsrc_like": {"PromptSRC", "PromptSRC_MAO", "MaPLe_MAO"}}
    assert not list(tmp_path.rglob("mini*"))


@pytest.mark.parametrize("options", [[], ["--backbones", "coop,maple,promptsrc"], ["--with-engine"]])
def test_what_a_copied_file_imports_is_copied_too(repository, fork, options):
    """No copied file needs a module of this repository that is not in the fork."""
    before = snapshot(fork)
    call(fork, *options)
    copied_code = {path: content for path, content in snapshot(fork).items()
                   if path not in before and path.suffix == ".py"}
    ours = {"compat", "datasets", "demo", "drop_in", "experiments", "scripts", "trainers"}
    for path, content in copied_code.items():
        for node in ast.walk(ast.parse(content)):
            names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name.split(".")[0] in ours:
                    module = fork.joinpath(*name.split("."))
                    assert module.is_dir() or module.with_suffix(".py").exists(), f"{path} imports {name}"


def test_keys_that_the_fork_does_not_know_are_named(fork, capsys):
    train = fork / "train.py"
    train.write_text(train.read_text().replace("    cfg.TRAINER.COOP.N_CTX = 16\n", ""))
    call(fork)
    assert "does not set TRAINER.COOP.N_CTX" in capsys.readouterr().out


def test_a_fork_without_known_hosts(fork, capsys):
    (fork / "trainers" / "coop.py").unlink()
    assert call(fork) == 0
    assert "name other hosts with MAO_HOSTS" in capsys.readouterr().out


# The fork's own config keys

COCOOP = """from dassl.engine import TRAINER_REGISTRY

from .coop import CoOp


@TRAINER_REGISTRY.register()
class CoCoOp(CoOp):
    pass
"""
YAML = "configs/trainers/CoCoOp_MAO/vit_b16_c4_ep10.yaml"


def with_a_switch(fork, *lines):
    """A fork with CoCoOp, whose CTX_INIT is True or False, as KgCoOp, ProGrad, TCP and ATPrompt have it for CoOp."""
    (fork / "trainers" / "cocoop.py").write_text(COCOOP)
    train = (fork / "train.py").read_text()
    train = train.replace("import trainers.coop\n", "import trainers.coop\nimport trainers.cocoop\n")
    keys = ["cfg.TRAINER.COCOOP = CN({'CTX_INIT': False, 'N_CTX': 16})", *lines]
    start = "    cfg.TRAINER.COOP = CN()\n"
    (fork / "train.py").write_text(train.replace(start, start + "".join(f"    {line}\n" for line in keys)))
    return snapshot(fork)


@pytest.mark.parametrize("options", [[], ["--with-engine"]], ids=["by source", "by import"])
def test_yaml_files_get_the_kinds_and_keys_that_the_fork_has(fork, options, capsys):
    before = with_a_switch(fork, 'cfg.OPTIM.LR = 1', "del cfg.OPTIM['WARMUP_TYPE']") if options else with_a_switch(fork)
    assert call(fork, *options, "--dry-run") == 0 and snapshot(fork) == before
    planned = capsys.readouterr().out
    assert '-    CTX_INIT: "a photo of a"  # as for CoCoOp\n+    CTX_INIT: True  # as for CoCoOp' in planned
    assert ("checks in the fork could not be run" in planned) == (not options)
    assert call(fork, *options) == 0
    text, changes = (fork / YAML).read_text(), json.loads((fork / MANIFEST).read_text())["adapted"][YAML]
    assert yaml.safe_load(text)["TRAINER"] == {"COCOOP": {"CTX_INIT": True, "N_CTX": 4}}
    assert f"TRAINER.COCOOP.CTX_INIT is a bool here: 'a photo of a' becomes True in {YAML}" in changes
    if options:  # Dassl's own keys, too
        assert "LR: 0.002" not in text and "OPTIM.LR is a int here and cannot be 0.002" in "".join(changes)
        assert "WARMUP_TYPE" not in text and f"does not set OPTIM.WARMUP_TYPE: left out of {YAML}" in "".join(changes)
    assert call(fork, "--uninstall") == 0 and snapshot(fork) == before


def test_a_node_that_loses_all_its_keys_goes_too(fork):
    with_a_switch(fork, "del cfg.TRAINER.COCOOP['CTX_INIT']")
    call(fork)
    text = (fork / YAML).read_text()
    assert "TRAINER:" not in text and yaml.safe_load(text)["MAO"] == {"NEW": {"BATCH_SIZE": 32}}


@pytest.mark.parametrize("value, kind, new", [
    ("", "bool", False), ("a", "bool", True), (3, "float", 3.0), (3.0, "int", 3), (0.5, "int", TypeError),
    (True, "str", TypeError), ([1], "tuple", [1]), ("a", "NoneType", "a"), (1, "bool", TypeError)])
def test_values_of_another_kind(value, kind, new):
    if new is TypeError:
        with pytest.raises(TypeError):
            converted(value, kind)
    else:
        assert converted(value, kind) == new and type(converted(value, kind)) is type(new)


# Checks in the fork

def breaks(fork, how):
    """Make an installed fork fail: at import, at registration, or when a yaml file is merged."""
    train = fork / "train.py"
    source, start = train.read_text(), "    cfg.TRAINER.COOP = CN()\n"
    if how == "import":
        train.write_text(source.replace("if __name__", "import sys\nif 'trainers.mao' in sys.modules:\n"
                                        "    raise SystemExit('not with MAO')\n\n\nif __name__"))
    elif how == "registration":
        train.write_text(source.replace("def apply_flags", "from dassl.engine import TRAINER_REGISTRY\n"
                         "TRAINER_REGISTRY.registered_names = lambda: ['CoOp']\n\n\ndef apply_flags"))
    else:
        train.write_text(source.replace(start, start + "    if 'MAO' in cfg:\n        del cfg['INPUT']\n"))


@pytest.mark.parametrize("how, words", [
    ("import", ["importing train.py", "SystemExit: not with MAO"]),
    ("registration", ["registering", "CoOp_MAO is not among the registered trainers"]),
    ("merge", ["merging configs/trainers/CoOp_MAO/", "Non-existent config key: INPUT"]),
])
def test_what_does_not_work_in_the_fork_is_taken_out_again(fork, how, words, capsys):
    breaks(fork, how)
    before = snapshot(fork)
    refuses(capsys, fork, "--with-engine", words=["MAO does not work in", *words, "nothing of it was kept"])
    assert snapshot(fork) == before


def test_flags_that_nobody_knows_here_do_not_stop_the_checks(fork, capsys):
    train = (fork / "train.py").read_text()
    train = train.replace("    cfg = get_cfg_default()\n    extend_cfg(cfg)",
                          "    cfg = get_cfg_default()\n    open(args.words).close()\n    extend_cfg(cfg, args)")
    train = train.replace("def extend_cfg(cfg):", "def extend_cfg(cfg, args):")
    train = train.replace('    parser.add_argument("--seed"', '    parser.add_argument("--words", required=True)\n'
                          '    parser.add_argument("--seed"')
    (fork / "train.py").write_text(train)
    assert call(fork, "--with-engine") == 0
    out = capsys.readouterr().out
    assert "could not be run" not in out and "now knows CoOp_MAO" in out


def test_a_trainer_that_cannot_be_imported_is_left_out(fork, capsys):
    (fork / "trainers" / "maple.py").write_text("import no_such_package\n" + COCOOP.replace("CoCoOp", "MaPLe"))
    assert call(fork, "--with-engine") == 0
    out = capsys.readouterr().out
    assert "MaPLe is left out: train.py does not import it, and trainers.maple cannot be (ModuleNotFoundError" in out
    assert out.strip().endswith("now knows CoOp_MAO") and not (fork / "configs" / "trainers" / "MaPLe_MAO").exists()


def test_a_fork_that_does_not_run_here_is_served_all_the_same(fork, capsys):
    train = fork / "train.py"
    train.write_text("import no_such_package\n" + train.read_text())
    assert call(fork, "--with-engine") == 0
    assert "checks in the fork could not be run" in (out := capsys.readouterr().out) and "no_such_package" in out


# Refusals

def test_folders_that_are_no_fork(fork, tmp_path, capsys):
    refuses(capsys, tmp_path / "nowhere", words=["nowhere", "is no folder"])
    (tmp_path / "other").mkdir()
    refuses(capsys, tmp_path / "other", words=["other", "is no repository of the CoOp family"])
    refuses(capsys, tmp_path, words=["coop_like", "give that folder"])
    (fork / "train.py").write_text("import torch\n")
    refuses(capsys, fork, words=["is no repository of the CoOp family"])


@pytest.mark.parametrize("source, words", [
    ("import dassl\n", ["no function extend_cfg(cfg)"]),
    ("import dassl\ndef extend_cfg():\n    pass\n", ["no function extend_cfg(cfg)"]),
    ("import dassl\ndef extend_cfg(cfg): pass\n", ["written in one line (2)"]),
    ("import dassl\ndef extend_cfg(cfg:\n", ["cannot be read as Python"]),
])
def test_a_train_file_that_lines_cannot_be_put_into(fork, source, words, capsys):
    (fork / "train.py").write_text(source)
    before = snapshot(fork)
    refuses(capsys, fork, words=words)
    assert snapshot(fork) == before


def git(fork, *arguments):
    subprocess.run(["git", "-C", str(fork), "-c", "user.name=A", "-c", "user.email=a@b.c", *arguments], check=True,
                   capture_output=True)


def test_a_dirty_tree(fork, capsys):
    git(fork, "init")
    git(fork, "add", "-A")
    git(fork, "commit", "-m", "fork")
    (fork / "output.txt").touch()  # not under git: nobody's work is at stake
    assert call(fork) == 0 and call(fork) == 0 and call(fork, "--uninstall") == 0
    (fork / "datasets" / "shapes.py").write_text("changed")
    refuses(capsys, fork, words=["datasets/shapes.py", "uncommitted changes", "--force"])
    assert call(fork, "--force") == 0 and call(fork, "--uninstall") == 0
    assert (fork / "datasets" / "shapes.py").read_text() == "changed"


def test_files_of_others_are_not_overwritten(fork, capsys):
    (fork / "trainers" / "mao").mkdir()
    (fork / "trainers" / "mao" / "trainer.py").write_text("mine")
    before = snapshot(fork)
    refuses(capsys, fork, words=["trainers/mao/trainer.py", "move it away"])
    refuses(capsys, fork, "--force", words=["trainers/mao/trainer.py"])
    assert snapshot(fork) == before


@pytest.mark.parametrize("path", ["trainers/mao", "trainers", "configs", "configs/trainers", "train.py"])
def test_a_link_that_leads_out_of_the_fork_is_refused(fork, tmp_path, capsys, path):
    call(fork)
    capsys.readouterr()
    outside = tmp_path / "outside"
    (fork / path).rename(outside)
    (fork / path).symlink_to(outside)
    before = snapshot(tmp_path)
    for options in ([], ["--force"], ["--uninstall"], ["--dry-run"]):
        refuses(capsys, fork, *options, words=[path, str(outside), "outside of the fork"])
    assert snapshot(tmp_path) == before


def test_files_that_were_changed_since(fork, capsys):
    original = (fork / "train.py").read_bytes()
    call(fork)
    plugin, train = fork / "trainers" / "mao" / "config.py", fork / "train.py"
    plugin.write_text(plugin.read_text() + "# mine\n")
    refuses(capsys, fork, words=["trainers/mao/config.py", "changed since it was copied"])
    train.write_bytes(train.read_bytes() + b"# mine\n")
    assert call(fork, "--uninstall") == 0
    out = capsys.readouterr().out
    assert "train.py was changed since" in out and "trainers/mao/config.py was changed since: it stays" in out
    assert train.read_bytes() == original + b"# mine\n" and plugin.exists()
    assert [path.name for path in (fork / "trainers" / "mao").iterdir()] == ["config.py"]


def test_forced_calls_go_over_changed_files(fork):
    before = snapshot(fork)
    call(fork)
    plugin = fork / "trainers" / "mao" / "config.py"
    content = plugin.read_bytes()
    plugin.write_text("mine")
    assert call(fork, "--force") == 0 and plugin.read_bytes() == content
    plugin.write_text("mine")
    assert call(fork, "--uninstall", "--force") == 0 and snapshot(fork) == before


def test_nothing_to_uninstall_and_a_damaged_manifest(fork, capsys):
    refuses(capsys, fork, "--uninstall", words=["nothing to uninstall"])
    call(fork)
    (fork / MANIFEST).write_text("{")
    refuses(capsys, fork, "--uninstall", words=[MANIFEST, "is damaged"])


def test_unknown_backbone(fork, capsys):
    refuses(capsys, fork, "--backbones", "coop,prograd",
            words=["'prograd' is unknown", "cocoop, coop, ivlp, kgcoop, maple, promptsrc, vpt"])


@pytest.mark.parametrize("fails_at", ["trainers/mao/config.py", "configs/trainers/CoOp_MAO/vit_b16_c4_ep10.yaml",
                                      MANIFEST, "train.py"])
def test_an_error_in_the_middle_leaves_the_fork_as_it_was(fork, fails_at, monkeypatch, capsys):
    before = snapshot(fork)
    original = os.replace

    def replace(source, target):
        if str(target).endswith("/" + fails_at):
            raise OSError(28, "No space left on device", str(target))
        original(source, target)

    monkeypatch.setattr(os, "replace", replace)
    refuses(capsys, fork, words=["No space left on device"])
    assert snapshot(fork) == before


# The lines in train.py

def body(source):
    return edited(source, ["trainers.mao"]).decode()


def test_lines_go_behind_the_imports_and_to_the_start_of_the_function():
    assert body(b'"""Doc."""\nfrom __future__ import annotations\nimport dassl\n'
                b'from a import (\n    b,\n)\n\nx = 1\n\n\n'
                b'def extend_cfg(config):\n    """Doc."""\n    # note\n    config.A = 1\n') == (
        '"""Doc."""\nfrom __future__ import annotations\nimport dassl\nfrom a import (\n    b,\n)\n'
        'import trainers.mao  # MAO drop-in\n\nx = 1\n\n\n'
        'def extend_cfg(config):\n    """Doc."""\n    # note\n'
        '    trainers.mao.extend_cfg(config)  # MAO drop-in\n    config.A = 1\n')


def test_engine_line_comes_before_the_first_import():
    source = (b'#!/usr/bin/env python\n"""Doc."""\nfrom __future__ import annotations\nimport torch\n\n\n'
              b'def extend_cfg(c):\n    pass')
    lines = edited(source, ["trainers.mao"], with_engine=True).decode().split("\n")
    assert lines[2:6] == ["from __future__ import annotations", "import compat; compat.resolve_dassl()  # MAO drop-in",
                          "import torch", "import trainers.mao  # MAO drop-in"]
    assert lines[-2:] == ["    trainers.mao.extend_cfg(c)  # MAO drop-in", "    pass"]


@pytest.mark.parametrize("source", [
    b"import dassl\r\n\r\ndef extend_cfg(cfg):\r\n\tcfg.A = 1",
    b"try:\n    import dassl\nexcept ImportError:\n    dassl = None\n\n\n"
    b"def extend_cfg(cfg):\n    @decorate\n    def f():\n        pass\n",
    b"def extend_cfg(cfg):\n    '''Only a docstring.'''\n\n\nimport dassl\n",
    "\ufeffimport dassl  # \u00e9\n\n\nclass A:\n    pass\n\n\ndef extend_cfg(cfg, *rest):\n    return cfg\n".encode(),
    b"# -*- coding: latin-1 -*-\nimport dassl  # \xe9\ndef extend_cfg(cfg):\n    pass\n",
    b"import dassl\nif True:\n    def extend_cfg(cfg):\n        cfg.A = 1\n",
])
def test_lines_come_out_again(source):
    new = edited(source, ["trainers.coop", "trainers.mao"], with_engine=True)
    assert new.count(b"# MAO drop-in") == 5 and restored(new) == source
    assert new.count(b"\r\n") == (source.count(b"\r\n") and new.count(b"\n"))
    assert edited(new, ["trainers.coop", "trainers.mao"], with_engine=True) == new


def test_no_function_is_said_without_a_file():
    with pytest.raises(UserError, match="has no function extend_cfg"):
        edited(b"import dassl\n", ["trainers.mao"])


def test_the_manifest_names_what_was_added(fork):
    call(fork)
    manifest = json.loads((fork / MANIFEST).read_text())
    assert "trainers/mao/trainer.py" in manifest["files"] and "trainers/mao" in manifest["folders"]
    assert all((fork / path).exists() for path in manifest["files"])

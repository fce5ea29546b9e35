"""The drop-in tool: what it changes, what it refuses, and that it takes everything back, byte for byte."""
import ast
import json
import os
import subprocess

import pytest
from miniature_forks import call, copied, refuses, snapshot

from drop_in.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("warm_checks")


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


def test_the_manifest_names_what_was_added(fork):
    call(fork)
    manifest = json.loads((fork / MANIFEST).read_text())
    assert "trainers/mao/trainer.py" in manifest["files"] and "trainers/mao" in manifest["folders"]
    assert all((fork / path).exists() for path in manifest["files"])


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

"""What the drop-in tool asks a fork itself: its config keys, and whether all works afterwards."""
import json

import pytest
import yaml
from miniature_forks import call, refuses, snapshot

from drop_in.adapt import converted
from drop_in.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("warm_checks")

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

"""Which Dassl is used: an installed one that works, else the bundled one, with the reason in a line."""
import os
import subprocess
import sys

import pytest
from paths import REPOSITORY

WORKING = {
    "__init__.py": '__version__ = "9.1"',
    "config.py": "from types import SimpleNamespace as S\ndef get_cfg_default(): return S(OPTIM=S())",
    "engine.py": "TRAINER_REGISTRY = {}\nclass TrainerX: pass",
    "data.py": "class DataManager: pass",
    "evaluation.py": "def build_evaluator(cfg): pass",
    "optim.py": """
import torch
def build_optimizer(parameters, options): return torch.optim.SGD(parameters, lr=0.1)
def build_lr_scheduler(optimizer, options): return torch.optim.lr_scheduler.StepLR(optimizer, 1)
""",
    "utils.py": """
import torch
def save_checkpoint(state, folder): torch.save(state, folder + "/model.pth.tar-1")
def load_checkpoint(path): return torch.load(path)
""",
}
TOO_OLD = {**WORKING, "optim.py": """
import torch
def build_optimizer(parameters, options): return torch.optim.SGD(parameters, lr=0.1)
class Old(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer): super().__init__(optimizer, verbose_mode=False)
def build_lr_scheduler(optimizer, options): return Old(optimizer)
"""}

ASK = """
import sys
from compat import resolve_dassl
line = resolve_dassl()
import dassl.engine
print(line)
print(dassl.__file__)
print(resolve_dassl())
"""


def resolve(tmp_path, package=None, expect=0, **environment):
    if package is not None:
        for name, text in package.items():
            (tmp_path / "site" / "dassl").mkdir(parents=True, exist_ok=True)
            (tmp_path / "site" / "dassl" / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=REPOSITORY, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(tmp_path / "site")]), **environment})
    assert done.returncode == expect, done.stderr
    return done.stdout.splitlines() if expect == 0 else done.stderr


def test_an_installed_one_that_works_is_used(tmp_path):
    line, file, again = resolve(tmp_path, WORKING)
    assert line.startswith("dassl: installed Dassl 9.1; it works with torch") and file.startswith(str(tmp_path))
    assert again == "dassl: installed Dassl 9.1"


def test_an_installed_one_that_is_too_old_gives_way_to_the_bundled(tmp_path):
    line, file, again = resolve(tmp_path, TOO_OLD)
    assert line.startswith("dassl: bundled engine (compat/dassl); installed Dassl 9.1 does not work with torch")
    assert "verbose_mode" in line and file.startswith(str(REPOSITORY / "compat"))
    assert again == "dassl: bundled engine (compat/dassl)"


def test_the_environment_forces_the_bundled(tmp_path):
    line, file, _ = resolve(tmp_path, WORKING, DASSL_ENGINE="bundled")
    assert line == "dassl: bundled engine (compat/dassl); DASSL_ENGINE asks for it"
    assert file.startswith(str(REPOSITORY / "compat"))


@pytest.mark.parametrize("package, engine, said", [
    (None, "installed", "no Dassl is installed: unset it"),
    (TOO_OLD, "installed", "does not work with torch"),
    (None, "mine", "DASSL_ENGINE is 'mine': set it to bundled or installed"),
])
def test_an_engine_that_does_not_work_cannot_be_forced(tmp_path, package, engine, said):
    assert said in resolve(tmp_path, package, expect=1, DASSL_ENGINE=engine)

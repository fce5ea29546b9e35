"""What a start imports: nothing that only other programs need, and that stays at hand."""
import gc
import subprocess
import sys

from compat.torch_import import collection_paused, import_torch

PROGRAM = """
import gc
from compat import resolve_dassl
resolve_dassl()
print(gc.isenabled(), gc.get_freeze_count() > 10_000)
import sys, train, trainers, runs.recorder, runs.state, datasets
from trainers.prompting.clip_loading import load_clip
load_clip("Mini/16")
names = "torch._dynamo", "sympy", "sklearn", "scipy", "sentence_transformers", "torchvision.models.vgg"
print([name for name in names if name in sys.modules])
import inspect, torchvision
frame = inspect.getmodule(sys._getframe())  # asks all modules for their files
print("torchvision.models.vgg" in sys.modules)
from torchvision.models import resnet18
print(resnet18.__module__, torchvision.ops.nms.__name__, torchvision.datasets.CIFAR10.__name__)
"""


def test_what_no_run_needs_is_not_imported_and_can_be_used_all_the_same(repository):
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True", "[]", "False", "torchvision.models.resnet nms CIFAR10"]


def test_help_and_wrong_flags_need_no_torch(repository):
    commands = "train, predict.command, predict.interpret_command, experiments.linear_probe"
    program = f"import sys, {commands}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_collector_is_left_as_it_was():
    import_torch()
    frozen = gc.get_freeze_count()
    import_torch()  # once more
    with collection_paused():
        assert not gc.isenabled()
    assert gc.isenabled() and gc.get_freeze_count() == frozen
    gc.disable()
    try:
        with collection_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()

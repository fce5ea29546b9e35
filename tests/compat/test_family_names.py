"""What unmodified repositories of the family import from Dassl is there, and their pickled few-shot draws are read."""
import importlib
import pickle
import pickletools

import pytest

NAMES = {
    "dassl.config": "clean_cfg get_cfg_default",
    "dassl.data": "DataManager",
    "dassl.data.data_manager": "DataManager DatasetWrapper build_data_loader",
    "dassl.data.datasets": "DATASET_REGISTRY DatasetBase Datum build_dataset",
    "dassl.data.datasets.base_dataset": "DatasetBase Datum",
    "dassl.data.samplers": "build_sampler",
    "dassl.data.transforms": "INTERPOLATION_MODES build_transform",
    "dassl.data.transforms.transforms": "INTERPOLATION_MODES build_transform",
    "dassl.engine": "TRAINER_REGISTRY SimpleNet SimpleTrainer TrainerBase TrainerX TrainerXU build_trainer",
    "dassl.engine.trainer": "SimpleNet SimpleTrainer TrainerBase TrainerX TrainerXU",
    "dassl.evaluation": "EVALUATOR_REGISTRY Classification EvaluatorBase build_evaluator",
    "dassl.evaluation.evaluator": "Classification EVALUATOR_REGISTRY EvaluatorBase",
    "dassl.metrics": "compute_accuracy",
    "dassl.optim": "build_lr_scheduler build_optimizer",
    "dassl.utils": "AverageMeter Logger MetricMeter Registry check_availability check_isfile collect_env_info "
                   "count_num_param listdir_nohidden load_checkpoint load_pretrained_weights mkdir_if_missing "
                   "read_image read_json resume_from_checkpoint save_checkpoint set_random_seed setup_logger "
                   "tolist_if_not write_json",
    "dassl.utils.tools": "mkdir_if_missing read_json write_json set_random_seed",
    "dassl.utils.torchtools": "load_checkpoint save_checkpoint count_num_param",
    "dassl.utils.meters": "AverageMeter MetricMeter",
    "dassl.utils.registry": "Registry",
}


@pytest.mark.parametrize("module", NAMES)
def test_what_repositories_import_is_there(module):
    found = importlib.import_module(module)
    assert [name for name in NAMES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("name, modules", [
    ("build_transform", ("dassl.data.transforms", "dassl.data.transforms.transforms")),
    ("SimpleNet", ("dassl.engine", "dassl.engine.trainer")),
    ("load_checkpoint", ("dassl.utils", "dassl.utils.torchtools")),
])
def test_a_name_stands_for_one_thing_wherever_it_is_imported_from(name, modules):
    assert len({getattr(importlib.import_module(module), name) for module in modules}) == 1


def test_few_shot_draws_of_either_engine_are_read():
    """A pickled draw names Datum where the original Dassl keeps it, so files go both ways."""
    from dassl.data.datasets import Datum

    draw = {"train": [Datum("a/1.jpg", 3, classname="ant")], "val": []}
    pickled = pickle.dumps(draw, protocol=2)
    names = [argument for opcode, argument, _ in pickletools.genops(pickled) if opcode.name == "GLOBAL"]
    assert "dassl.data.datasets.base_dataset Datum" in names
    item = pickle.loads(pickled)["train"][0]
    assert type(item) is Datum and (item.impath, item.label, item.classname) == ("a/1.jpg", 3, "ant")

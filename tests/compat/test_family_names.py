"""What unmodified repositories of the family import from Dassl is there, and their pickled few-shot draws are read."""
import functools
import importlib
import inspect
import pickle
import pickletools

import pytest
from dassl.left_out import MODULES
from dassl.left_out import NAMES as LEFT_OUT_NAMES

UTILS = {
    "dassl.utils.tools": "check_availability check_isfile collect_env_info download_url "
                         "get_most_similar_str_to_a_from_b listdir_nohidden mkdir_if_missing read_image read_json "
                         "set_random_seed tolist_if_not write_json",
    "dassl.utils.torchtools": "count_num_param init_network_weights load_checkpoint load_pretrained_weights "
                              "open_all_layers open_specified_layers resume_from_checkpoint save_checkpoint",
    "dassl.utils.meters": "AverageMeter MetricMeter",
    "dassl.utils.logger": "Logger setup_logger",
    "dassl.utils.registry": "Registry",
}
ENGINE = "SimpleNet SimpleTrainer TrainerBase TrainerX TrainerXU"
NAMES = {  # where forks import them from
    "dassl": "__version__",
    "dassl.config": "clean_cfg get_cfg_default",
    "dassl.data": "DataManager DatasetWrapper",
    "dassl.data.data_manager": "DataManager DatasetWrapper build_data_loader",
    "dassl.data.datasets": "DATASET_REGISTRY DatasetBase Datum build_dataset",
    "dassl.data.datasets.build": "DATASET_REGISTRY build_dataset",
    "dassl.data.datasets.base_dataset": "DatasetBase Datum",
    "dassl.data.samplers": "build_sampler",
    "dassl.data.transforms": "AVAI_CHOICES INTERPOLATION_MODES build_transform",
    "dassl.data.transforms.transforms": "AVAI_CHOICES Cutout GaussianNoise INTERPOLATION_MODES InstanceNormalization "
                                        "Random2DTranslation build_transform",
    "dassl.engine": f"TRAINER_REGISTRY build_trainer {ENGINE}",
    "dassl.engine.build": "TRAINER_REGISTRY build_trainer",
    "dassl.engine.trainer": f"{ENGINE} AverageMeter DataManager MetricMeter SummaryWriter build_evaluator "
                            "build_lr_scheduler build_optimizer count_num_param load_checkpoint "
                            "load_pretrained_weights mkdir_if_missing resume_from_checkpoint save_checkpoint "
                            "tolist_if_not",
    "dassl.evaluation": "Classification EVALUATOR_REGISTRY EvaluatorBase build_evaluator",
    "dassl.evaluation.build": "EVALUATOR_REGISTRY build_evaluator",
    "dassl.evaluation.evaluator": "Classification EVALUATOR_REGISTRY EvaluatorBase",
    "dassl.metrics": "compute_accuracy compute_distance_matrix",
    "dassl.metrics.accuracy": "compute_accuracy",
    "dassl.metrics.distance": "compute_distance_matrix cosine_distance euclidean_squared_distance",
    "dassl.optim": "build_lr_scheduler build_optimizer",
    "dassl.optim.lr_scheduler": "AVAI_SCHEDS ConstantWarmupScheduler LinearWarmupScheduler _BaseWarmupScheduler "
                                "build_lr_scheduler",
    "dassl.optim.optimizer": "AVAI_OPTIMS build_optimizer",
    "dassl.optim.radam": "PlainRAdam RAdam",
    "dassl.utils": " ".join(UTILS.values()),
    **UTILS,
}
SIGNATURES = {  # the arguments by their names and in their order; ours may take more behind them
    "dassl.config.clean_cfg": "cfg trainer",
    "dassl.data.DataManager": "cfg custom_tfm_train custom_tfm_test dataset_wrapper",
    "dassl.data.data_manager.build_data_loader": "cfg sampler_type data_source batch_size n_domain n_ins tfm is_train "
                                                 "dataset_wrapper",
    "dassl.data.data_manager.DatasetWrapper": "cfg data_source transform is_train",
    "dassl.data.datasets.Datum": "impath label domain classname",
    "dassl.data.datasets.DatasetBase": "train_x train_u val test",
    "dassl.data.datasets.DatasetBase.check_input_domains": "self source_domains target_domains",
    "dassl.data.datasets.DatasetBase.download_data": "self url dst from_gdrive",
    "dassl.data.datasets.DatasetBase.generate_fewshot_dataset": "self data_sources num_shots repeat",
    "dassl.data.datasets.DatasetBase.get_lab2cname": "data_source",
    "dassl.data.datasets.DatasetBase.get_num_classes": "data_source",
    "dassl.data.datasets.build_dataset": "cfg",
    "dassl.data.samplers.build_sampler": "sampler_type cfg data_source batch_size n_domain n_ins",
    "dassl.data.transforms.build_transform": "cfg is_train choices",
    "dassl.engine.build_trainer": "cfg",
    "dassl.engine.SimpleTrainer": "cfg",
    "dassl.engine.TrainerBase": "",
    "dassl.engine.TrainerBase.detect_anomaly": "self loss",
    "dassl.engine.TrainerBase.get_current_lr": "self names",
    "dassl.engine.TrainerBase.get_model_names": "self names",
    "dassl.engine.TrainerBase.init_writer": "self log_dir",
    "dassl.engine.TrainerBase.load_model": "self directory epoch",
    "dassl.engine.TrainerBase.model_backward": "self loss",
    "dassl.engine.TrainerBase.model_backward_and_update": "self loss names",
    "dassl.engine.TrainerBase.model_inference": "self input",
    "dassl.engine.TrainerBase.model_update": "self names",
    "dassl.engine.TrainerBase.model_zero_grad": "self names",
    "dassl.engine.TrainerBase.prograd_backward_and_update": "self loss_a loss_b lambda_ names",
    "dassl.engine.TrainerBase.register_model": "self name model optim sched",
    "dassl.engine.TrainerBase.resume_model_if_exist": "self directory",
    "dassl.engine.TrainerBase.save_model": "self epoch directory is_best val_result model_name",
    "dassl.engine.TrainerBase.set_model_mode": "self mode names",
    "dassl.engine.TrainerBase.train": "self start_epoch max_epoch",
    "dassl.engine.TrainerBase.update_lr": "self names",
    "dassl.engine.TrainerBase.write_scalar": "self tag scalar_value global_step",
    "dassl.engine.TrainerX.parse_batch_test": "self batch",
    "dassl.engine.TrainerX.parse_batch_train": "self batch",
    "dassl.engine.TrainerX.test": "self split",
    "dassl.engine.TrainerXU.parse_batch_train": "self batch_x batch_u",
    "dassl.evaluation.build_evaluator": "cfg",
    "dassl.evaluation.Classification": "cfg lab2cname",
    "dassl.evaluation.Classification.process": "self mo gt",
    "dassl.metrics.compute_accuracy": "output target topk",
    "dassl.metrics.compute_distance_matrix": "input1 input2 metric",
    "dassl.optim.build_lr_scheduler": "optimizer optim_cfg",
    "dassl.optim.build_optimizer": "model optim_cfg param_groups",
    "dassl.optim.lr_scheduler.ConstantWarmupScheduler": "optimizer successor warmup_epoch cons_lr last_epoch verbose",
    "dassl.optim.lr_scheduler.LinearWarmupScheduler": "optimizer successor warmup_epoch min_lr last_epoch verbose",
    "dassl.optim.radam.RAdam": "params lr betas eps weight_decay degenerated_to_sgd",
    "dassl.utils.AverageMeter": "ema",
    "dassl.utils.AverageMeter.update": "self val n",
    "dassl.utils.Logger": "fpath",
    "dassl.utils.MetricMeter": "delimiter",
    "dassl.utils.MetricMeter.update": "self input_dict",
    "dassl.utils.check_availability": "requested available",
    "dassl.utils.count_num_param": "model params",
    "dassl.utils.download_url": "url dst",
    "dassl.utils.init_network_weights": "model init_type gain",
    "dassl.utils.listdir_nohidden": "path sort",
    "dassl.utils.load_checkpoint": "fpath",
    "dassl.utils.load_pretrained_weights": "model weight_path",
    "dassl.utils.open_specified_layers": "model open_layers",
    "dassl.utils.read_image": "path",
    "dassl.utils.resume_from_checkpoint": "fdir model optimizer scheduler",
    "dassl.utils.save_checkpoint": "state save_dir is_best remove_module_from_keys model_name",
    "dassl.utils.setup_logger": "output",
    "dassl.utils.write_json": "obj fpath",
}


def found(dotted):
    """The object of a dotted name, whose first parts are modules."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            owner = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(getattr, parts[count:], owner)


@pytest.mark.parametrize("module", NAMES)
def test_what_repositories_import_is_there(module):
    there = importlib.import_module(module)
    assert [name for name in NAMES[module].split() if not hasattr(there, name)] == []


@pytest.mark.parametrize("dotted", SIGNATURES)
def test_what_repositories_call_takes_their_arguments(dotted):
    expected = SIGNATURES[dotted].split()
    assert list(inspect.signature(found(dotted)).parameters)[:len(expected)] == expected


@pytest.mark.parametrize("module", MODULES)
def test_modules_that_are_left_out_say_why(module):
    """Reasons stand in the table; what lies below such a module is not there, either."""
    for name in (module, f"{module}.below"):
        with pytest.raises(ModuleNotFoundError, match="no part of the bundled engine") as caught:
            importlib.import_module(name)
        assert MODULES[module] in str(caught.value) and "DASSL_ENGINE=installed" in str(caught.value)
        assert caught.value.name.startswith(module)


@pytest.mark.parametrize("dotted", LEFT_OUT_NAMES)
def test_names_that_are_left_out_are_not_there(dotted):
    module, _, name = dotted.rpartition(".")
    assert LEFT_OUT_NAMES[dotted] and not hasattr(importlib.import_module(module), name)
    assert name not in NAMES[module].split()


def test_only_dassl_has_modules_left_out():
    with pytest.raises(ModuleNotFoundError, match="dassl.modelling is no part of the bundled engine: install Dassl"):
        importlib.import_module("dassl.modelling")  # not in the table
    with pytest.raises(ModuleNotFoundError, match="No module named 'dasslike'"):
        importlib.import_module("dasslike")


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

"""The MAO mixin: both steps of model-agnostic optimisation around an unchanged host trainer.

"MAO: Efficient Model-Agnostic Optimization of Prompt Tuning for Vision-Language Models", ICME 2025, arXiv 2503.18160.
"""
import contextlib

import torch
from dassl.data.datasets import build_dataset

from . import config
from .base_run import load_base_prompts, write_run_facts
from .batches import enlarged_loader
from .candidates import AllClassLosses, candidate_classes, candidate_cross_entropy, narrowed_output
from .errors import MAOError
from .hard_negatives import hard_negative_table
from .host_contract import check_host, further_per_class, host_trainer, tensors_in, unwrap
from .pseudo_labels import PseudoLabeller, frozen_copy, host_logits, zero_shot_clip
from .similarity import class_similarity


class MAO:
    """Mixin in front of a Dassl trainer: ``class CoOp_MAO(MAO, CoOp)``. Model and parameters are the host's.

    Step 1 trains on batches enlarged by hard negatives and scores each image against the batch's classes only.
    Step 2 trains on images of the new classes with pseudo-labels of the frozen prompts of step 1.

    What only training needs (similarities, the prompts of step 1) is prepared when training starts, so that an
    evaluation costs what the host's costs.

    Attributes:
        mao_all_class_losses: whether the host has losses over all classes beside the cross-entropy (PromptSRC); then
            only the cross-entropy is restricted, and the host has to return it first and its logits last. None: the
            first batch tells.
        mao_per_class: names of further attributes of the host with one entry a class (see ``candidates``).
        mao_stage: ``"base"`` or ``"new"``.
    """

    mao_all_class_losses = None
    mao_per_class = ()
    _targets = None  # of the batch in work: its positions (step 1) or pseudo-labels (step 2)
    _labeller = None

    def check_cfg(self, cfg):
        super().check_cfg(cfg)
        config.check(cfg)

    @property
    def mao_stage(self):
        return config.stage(self.cfg)

    def build_model(self):
        with self._all_classes() if self._scores_all_classes() else contextlib.nullcontext():
            with _host_name(self.cfg, host_trainer(type(self)).__name__):
                super().build_model()
        check_host(getattr(self, "model", None), type(self).__name__)

    def before_train(self):
        if self.mao_stage == "base":
            self._prepare_base()
        else:
            self._prepare_new()
        super().before_train()  # resumes, so a resumed step 2 goes on from its own prompts
        if self.mao_stage == "new" and not self.cfg.MAO.DDE_NEW:
            self.start_epoch = self.max_epoch
            self.save_model(self.max_epoch - 1, self.output_dir)

    def before_epoch(self):
        super().before_epoch()
        sampler = self.train_loader_x.batch_sampler
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(self.epoch)

    def parse_batch_train(self, batch):
        image, label, *rest = super().parse_batch_train(batch)
        if self._targets is not None:
            label = self._targets.to(label.device)
        return (image, label, *rest)

    def forward_backward(self, batch):
        if self._labeller is not None:
            image = batch["img"]
            if torch.is_tensor(image):
                image = image.to(self.device, non_blocking=True)
                batch = dict(batch, img=image)
            first_view = tensors_in(image)[0].to(self.device)
            return self._host_step(batch, self._labeller.of_batch(first_view, batch["impath"]))
        if self.mao_stage != "base" or not self.cfg.MAO.REG_BASE:
            return super().forward_backward(batch)
        if not self.mao_all_class_losses:
            try:
                return self._narrowed_step(batch)
            except AllClassLosses:
                print("MAO: the host returns cross-entropy, ..., logits in training: only its cross-entropy is "
                      "restricted")
                self.mao_all_class_losses = True
        with candidate_cross_entropy(self.model, batch["label"]):
            return super().forward_backward(batch)

    def _narrowed_step(self, batch):
        labels = batch["label"]
        try:
            with narrowed_output(self.model, labels, unknown_host=self.mao_all_class_losses is None), \
                    candidate_classes(self.model, labels, self.mao_per_class, self._further_modules()) as targets:
                return self._host_step(batch, targets)
        except (RuntimeError, IndexError) as error:
            names = further_per_class(self.model, self.mao_per_class)
            if "out of memory" in str(error) or not names:
                raise
            raise MAOError("{} failed on the batch's classes ({}): it has one row a class in {}, too; name what its "
                           "loss uses in mao_per_class (docs/drop_in.md)".format(
                               type(self).__name__, str(error).strip().split("\n")[0], ", ".join(names))) from error

    def _host_step(self, batch, targets):
        """The host's own step with other targets, whether it reads them from the batch or by ``parse_batch_train``."""
        self._targets = targets
        try:
            return super().forward_backward(dict(batch, label=targets))
        finally:
            self._targets = None

    def test(self, *args, **kwargs):
        if not self._scores_all_classes():
            return super().test(*args, **kwargs)
        with candidate_classes(self.model, torch.arange(self.num_classes), self.mao_per_class):
            return super().test(*args, **kwargs)

    def _further_modules(self):
        """Modules that the host keeps beside its model, such as ProGrad's teacher."""
        return [value for value in vars(self).values()
                if isinstance(value, torch.nn.Module) and value is not self.model]

    # Step 1

    def _prepare_base(self):
        cfg, classnames = self.cfg, self.dm.dataset.classnames
        if cfg.DATASET.SUBSAMPLE_CLASSES == "new":
            raise MAOError("MAO.STAGE base would train on the labels of the new classes: set "
                           "DATASET.SUBSAMPLE_CLASSES to base or all (new is for --eval-only and step 2)")
        if len(classnames) < 2:
            raise MAOError("the run has one class ({}): hard negatives need at least two".format(classnames[0]))
        write_run_facts(cfg)
        if not cfg.MAO.DDE_BASE:
            return
        similarity = class_similarity(cfg.MAO.SIMILARITY, classnames, self._zero_shot_text_features)
        table = hard_negative_table(similarity, cfg.MAO.TOPK)
        anchors = self.dm.dataset.train_x
        pool = anchors if cfg.MAO.POOL == "fewshot" else self._whole_train_split()
        seed = cfg.SEED if cfg.SEED >= 0 else torch.initial_seed()
        self.train_loader_x = enlarged_loader(self.train_loader_x, cfg, anchors, pool, table, classnames, seed)
        print("MAO step 1: {} anchors, pool of {} images ({}), K {}, similarity {}".format(
            len(anchors), len(pool), cfg.MAO.POOL, min(cfg.MAO.TOPK, len(classnames)), cfg.MAO.SIMILARITY))

    def _zero_shot_text_features(self):
        return zero_shot_clip(self.cfg, self.device, self.dm).text_features

    def _whole_train_split(self):
        """Every training image of the run's classes: the data set again, without the few-shot draw."""
        dataset = self._other_dataset("DATASET.NUM_SHOTS", -1)
        if list(dataset.classnames) != list(self.dm.dataset.classnames):
            raise MAOError("the train split of {} has other classes than its few-shot draw: set MAO.POOL "
                           "fewshot".format(self.cfg.DATASET.NAME))
        return dataset.train_x

    def _other_dataset(self, key, value):
        cfg = self.cfg.clone()
        cfg.defrost()
        cfg.merge_from_list([key, value])
        cfg.freeze()
        return build_dataset(cfg)

    # Step 2

    def _prepare_new(self):
        cfg = self.cfg
        ctx = getattr(unwrap(self.model).prompt_learner, "ctx", None)
        if ctx is not None and ctx.ndim == 3:
            raise MAOError("step 2 cannot start from class-specific context (the base classes' prompts say nothing of "
                           "the new classes): train with shared context, CSC False")
        load_base_prompts(self)
        if not cfg.MAO.DDE_NEW:
            print("MAO step 2 without DDE-new: the prompts of step 1 are kept")
            return
        if cfg.MAO.PSEUDO_LABELS == "clip":
            with self._all_classes() if self._scores_all_classes() else contextlib.nullcontext():
                self._labeller = PseudoLabeller(zero_shot_clip(cfg, self.device, self.dm).model_inference)
        else:
            self._labeller = PseudoLabeller(host_logits(self, frozen_copy(self.model)))
        if cfg.MAO.PSEUDO_VIEW == "test":
            self._labeller.label_once(self.dm.dataset.train_x, self.test_loader.dataset, self.device)
        print("MAO step 2: {} images of {} new classes, pseudo-labels by {}, {} view".format(
            len(self.dm.dataset.train_x), self.num_classes, cfg.MAO.PSEUDO_LABELS, cfg.MAO.PSEUDO_VIEW))

    def _scores_all_classes(self):
        """Whether step 2 trains over new and base classes together (reg-N off)."""
        return self.mao_stage == "new" and not self.cfg.MAO.REG_NEW

    @contextlib.contextmanager
    def _all_classes(self):
        """Show the host new and base classes as one list, the new ones first, so that their labels stay."""
        manager = self.dm
        base = self._other_dataset("DATASET.SUBSAMPLE_CLASSES", "base")
        dataset = _Overlay(manager.dataset, classnames=list(manager.dataset.classnames) + list(base.classnames))
        self.dm = _Overlay(manager, dataset=dataset)
        try:
            yield
        finally:
            self.dm = manager


@contextlib.contextmanager
def _host_name(cfg, name):
    """TRAINER.NAME is the host's inside the context: some hosts find their config node by it."""
    frozen, own = cfg.is_frozen(), cfg.TRAINER.NAME
    cfg.defrost()
    cfg.TRAINER.NAME = name
    try:
        yield
    finally:
        cfg.TRAINER.NAME = own
        if frozen:
            cfg.freeze()


class _Overlay:
    """An object with some attributes replaced."""

    def __init__(self, below, **attributes):
        self._below = below
        self.__dict__.update(attributes)

    def __getattr__(self, name):
        return getattr(self._below, name)

"""The MAO mixin: both steps of model-agnostic optimisation around an unchanged host trainer.

"MAO: Efficient Model-Agnostic Optimization of Prompt Tuning for Vision-Language Models", ICME 2025, arXiv 2503.18160.
P are the host's learnable prompts, loss(P, images, labels, classes) is its own loss over a list of classes.

    Step 1, on labelled images of the base classes:
        hard negatives of a class = the K - 1 classes with the most similar names          similarity, hard_negatives
        for each batch of B anchors:
            DDE-base: add one image of each hard negative of an anchor                     batches
            reg-B:    P <- a step on loss(P, images, labels, the classes of this batch)    candidates, class_state
    Step 2, on unlabelled images of the new classes, from the P of step 1:                 base_run
        F = a frozen copy of that P, or zero-shot CLIP                                     frozen_models
        for each batch of images:
            DDE-new:  pseudo-labels = the new classes with the highest logits of F         pseudo_labels
                      (the host gets the image features that F has just computed)          shared_features
            reg-N:    P <- a step on loss(P, images, pseudo-labels, the new classes)       _pseudo_labelled_step
"""
from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from dassl.engine import TrainerXU
from torch import nn
from yacs.config import CfgNode

from . import config
from .base_run import load_base_prompts, write_run_facts
from .batches import EnlargedBatchSampler, enlarged_loader
from .candidates import AllClassLosses, candidate_cross_entropy, checked_output, explained_misfit
from .class_dimensions import Place, find_unnamed
from .class_state import ClassState
from .errors import MAOError
from .frozen_models import RELEASED_TEMPLATE, frozen_copy, zero_shot_clip
from .hard_negatives import hard_negative_table
from .host_contract import check_host, class_count, has_class_specific_context, tensors_in
from .pseudo_labels import PseudoLabeller, host_logits
from .run_data import in_view_of, whole_train_split, with_base_classes
from .shared_features import SharedImageFeatures
from .similarity import class_similarity

if TYPE_CHECKING:
    from dassl.engine import TrainerX as Host
else:
    Host = object  # the trainer comes behind the mixin


class MAO(Host):
    """Mixin in front of a Dassl trainer: ``class CoOp_MAO(MAO, CoOp)``. Model and parameters are the host's.

    What only training needs (similarities, the prompts of step 1) is prepared when training starts, so that an
    evaluation costs what the host's costs.

    Attributes:
        mao_all_class_losses: whether the host has losses over all classes beside the cross-entropy (PromptSRC); then
            only the cross-entropy is restricted, and the host has to return it first and its logits last. None: the
            first batch tells.
        mao_per_class: names of further attributes of the host with one entry per class (see ``host_contract``); None:
            they are looked for (``class_dimensions``).
        mao_rows_per_class: rows that a class has in them, for hosts with several prompts per class.
        mao_candidate_loss: the host says itself that its loss is over the batch's classes, where that is not seen.
    """

    mao_all_class_losses: bool | None = None
    mao_per_class: tuple[str, ...] | None = None
    mao_rows_per_class: int = 1
    mao_candidate_loss: bool = False
    model: nn.Module
    _labeller: PseudoLabeller
    _image_features: SharedImageFeatures | None = None

    def __init__(self, cfg: CfgNode) -> None:
        config.check(cfg)
        if isinstance(self, TrainerXU):
            raise MAOError(f"{type(self).__name__} learns from a second loader without labels (TrainerXU), for whose "
                           "batches MAO has no classes: it wraps trainers with one loader (TrainerX)")
        super().__init__(config.for_step(cfg))

    @property
    def mao_stage(self) -> config.Stage:
        """The step that the run is."""
        return config.stage(self.cfg)

    @property
    def _host(self) -> type:
        return next(base for base in type(self).__mro__ if not issubclass(base, MAO))

    @property
    def _host_name(self) -> str:
        return self._host.__name__

    def build_model(self) -> None:
        with self._classes_of_loss(), config.named(self.cfg, self._host_name):
            super().build_model()
        check_host(getattr(self, "model", None), type(self).__name__, self.mao_rows_per_class)

    def before_train(self) -> None:
        if self.mao_stage == "base":
            self._prepare_base()
        else:
            self._prepare_new()
        super().before_train()  # resumes, so a resumed step 2 goes on from its own prompts
        if self.mao_stage == "new" and not self.cfg.MAO.DDE_NEW:
            self.start_epoch = self.max_epoch
            self.save_model(self.max_epoch - 1, self.output_dir)

    def after_train(self) -> None:
        super().after_train()
        write_run_facts(self.cfg, finished=True)

    def forward_backward(self, batch: dict) -> dict:
        if self.mao_stage == "new":
            return self._pseudo_labelled_step(batch)
        return self._candidate_step(batch) if self.cfg.MAO.REG_BASE else super().forward_backward(batch)

    # Step 1

    def _prepare_base(self) -> None:
        """DDE-base: the train loader gets batches that are enlarged by hard negatives."""
        cfg, classnames = self.cfg, list(self.dm.dataset.classnames)
        if cfg.DATASET.SUBSAMPLE_CLASSES == "new":
            raise MAOError("MAO.STAGE base would train on the labels of the new classes: set "
                           "DATASET.SUBSAMPLE_CLASSES to base or all (new is for --eval-only and step 2)")
        if len(classnames) < 2:
            raise MAOError(f"the run has one class ({classnames[0]}): hard negatives need at least two")
        if cfg.MAO.REG_BASE and not self.mao_all_class_losses:
            self._class_state.find_places(self.model, *self._beside_model)
        write_run_facts(cfg)
        if not cfg.MAO.DDE_BASE:
            return
        similarity = class_similarity(
            cfg.MAO.SIMILARITY, classnames, lambda: zero_shot_clip(cfg, self.dm).text_features)
        table = hard_negative_table(similarity, cfg.MAO.TOPK)
        anchors = self.dm.dataset.train_x
        pool = anchors if cfg.MAO.POOL == "fewshot" else whole_train_split(cfg, classnames)
        seed = cfg.SEED if cfg.SEED >= 0 else torch.initial_seed()
        self.train_loader_x = enlarged_loader(self.train_loader_x, cfg, anchors, pool, table, classnames, seed)
        print(f"MAO step 1, DDE-base: {len(anchors)} anchors, pool of {len(pool)} images ({cfg.MAO.POOL}), "
              f"K {min(cfg.MAO.TOPK, len(classnames))}, similarity {cfg.MAO.SIMILARITY}")

    def before_epoch(self) -> None:
        super().before_epoch()
        sampler = self.train_loader_x.batch_sampler
        if isinstance(sampler, EnlargedBatchSampler):
            sampler.set_epoch(self.epoch)

    def _candidate_step(self, batch: dict) -> dict:
        """reg-B: the host's own step, with each image scored against the classes of the batch alone."""
        if not self.mao_all_class_losses:
            try:
                return self._narrowed_step(batch)
            except AllClassLosses:
                print("MAO reg-B: the host returns cross-entropy, ..., logits in training: only its cross-entropy is "
                      "restricted")
                self.mao_all_class_losses = True
        with candidate_cross_entropy(self.model, batch["label"]):
            return super().forward_backward(batch)

    def _narrowed_step(self, batch: dict) -> dict:
        """reg-B by narrowing all that the host keeps per class; its targets are the positions in the batch."""
        labels, unknown_host = batch["label"], self.mao_all_class_losses is None
        n_cls, unchecked = class_count(self.model, self.mao_rows_per_class), not self.mao_candidate_loss
        with explained_misfit(type(self).__name__, self.model, self.mao_per_class or ()), \
                checked_output(self.model, labels, n_cls, unknown_host, watch_loss=unchecked) as watch, \
                self._narrowed(labels) as targets:
            summary = super().forward_backward({**batch, "label": targets})
        on_several = isinstance(self.model, nn.DataParallel) and len(self.model.device_ids) > 1
        if unchecked and not watch.seen and not on_several:  # the threads of several GPUs are not watched
            raise MAOError(f"MAO cannot see that the loss of {type(self).__name__} is over the batch's classes: there "
                           f"were neither logits nor a cross-entropy of {len(labels)} columns; if it is, say "
                           "mao_candidate_loss = True (docs/drop_in.md)")
        if len(labels) != n_cls:
            self.mao_candidate_loss = True
        return summary

    # Step 2

    def _prepare_new(self) -> None:
        """DDE-new: load the prompts of step 1, and make the frozen model that labels the images."""
        cfg = self.cfg
        if has_class_specific_context(self.model):
            raise MAOError("step 2 cannot start from class-specific context (the base classes' prompts say nothing of "
                           "the new classes): train with shared context, CSC False")
        initial = {parameter: parameter.detach().clone() for parameter in self.model.parameters()
                   if parameter.requires_grad}
        unnamed = self._unnamed_places()
        learnt = [place.name for place in unnamed if getattr(place.store[place.name], "requires_grad", False)]
        if learnt:
            raise MAOError(f"step 2 cannot start from parameters that each base class has its own of ({learnt[0]} of "
                           f"{type(self).__name__}): they say nothing of the new classes")
        load_base_prompts(cfg, self._host_name, self._models, self.mao_per_class or (),
                          [place.store[place.name] for place in unnamed])
        write_run_facts(cfg)
        if not cfg.MAO.DDE_NEW:
            print("MAO step 2 without DDE-new: the prompts of step 1 are kept")
            return
        if cfg.MAO.PSEUDO_LABELS == "clip":
            with self._classes_of_loss():
                template = RELEASED_TEMPLATE if cfg.MAO.PSEUDO_TEMPLATE == "photo" else None
                zero_shot = zero_shot_clip(cfg, self.dm, template)
            self._labeller = PseudoLabeller(zero_shot.model_inference)
            frozen = _modules_of(zero_shot)
        else:
            twin = frozen_copy(self.model)
            self._labeller = PseudoLabeller(host_logits(self, twin))
            frozen = [twin]
        if cfg.MAO.PSEUDO_VIEW == "train":
            self._image_features = SharedImageFeatures(self.model, frozen)
        else:
            plain_view = in_view_of(self.test_loader, cfg, self.dm.dataset.train_x, is_train=False)
            self._labeller.label_once(plain_view, self.device, self.test_loader.num_workers)
        if cfg.MAO.NEW.START == "fresh":  # the labeller keeps step 1's prompts
            with torch.no_grad():
                for parameter, value in initial.items():
                    parameter.copy_(value)
            print("MAO step 2: training starts from the host's initial prompts")
        print(f"MAO step 2, DDE-new: {len(self.dm.dataset.train_x)} images of {self.num_classes} new classes, "
              f"pseudo-labels by {cfg.MAO.PSEUDO_LABELS}, {cfg.MAO.PSEUDO_VIEW} view")

    def _pseudo_labelled_step(self, batch: dict) -> dict:
        """DDE-new and reg-N: the host's own step over the new classes, with pseudo-labels in place of labels."""
        images = batch["img"]
        if torch.is_tensor(images):  # some hosts take lists of views
            images = images.to(self.device, non_blocking=True)
        first_view = tensors_in(images)[0].to(self.device)
        with self._image_features.shared() if self._image_features else contextlib.nullcontext():
            labels = self._labeller.of_batch(first_view, batch["impath"])
            return super().forward_backward({**batch, "img": images, "label": labels})

    @property
    def _without_reg_new(self) -> bool:
        return self.mao_stage == "new" and not self.cfg.MAO.REG_NEW

    @contextlib.contextmanager
    def _classes_of_loss(self) -> Iterator[None]:
        """reg-N: the host sees the new classes alone. Inside, with reg-N off, it sees the base classes, too."""
        manager = self.dm
        if self._without_reg_new:
            self.dm = with_base_classes(self.cfg, manager)
        try:
            yield
        finally:
            self.dm = manager

    def test(self, *args: Any, **options: Any) -> float:
        """Accuracy in per cent over the run's own classes."""
        with self._narrowed(torch.arange(self.num_classes)) if self._without_reg_new else contextlib.nullcontext():
            return super().test(*args, **options)

    @functools.cached_property
    def _class_state(self) -> ClassState:
        return ClassState(self.mao_per_class or (), self._unnamed_places, self.mao_rows_per_class)

    def _unnamed_places(self) -> list[Place]:
        """What the host has per class under names that neither the plug-in nor itself knows."""
        if self.mao_per_class is not None:
            return []
        with self._classes_of_loss(), config.named(self.cfg, self._host_name):
            return find_unnamed(self, self._host, class_count(self.model, self.mao_rows_per_class),
                                self.mao_rows_per_class)

    @property
    def _beside_model(self) -> list[nn.Module]:
        """Modules beside the host's model, such as ProGrad's teacher."""
        return [module for module in _modules_of(self) if module is not self.model]

    def _narrowed(self, labels: torch.Tensor) -> contextlib.AbstractContextManager[torch.Tensor]:
        """Inside, the host has the classes ``labels`` alone, in its model and beside it."""
        return self._class_state.narrowed(labels, self.model, *self._beside_model)


def _modules_of(owner: object) -> list[nn.Module]:
    """The modules among an object's attributes."""
    return [value for value in vars(owner).values() if isinstance(value, nn.Module)]

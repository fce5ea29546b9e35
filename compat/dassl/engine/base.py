"""The loop over epochs, the hooks that subclasses fill, and the steps of learning that they call."""
from typing import Any

import torch
from torch import nn

from compat.errors import UserError

from .models import NamedModels, Names
from .prograd import aligned_gradient
from .wandb_writer import WandbWriter
from .writer import ScalarWriter

Batch = dict[str, Any]  # of tensors and lists, as ``DatasetWrapper`` describes its items


class NonFiniteError(UserError, FloatingPointError):
    """The training loss or a model's parameter is infinite or not a number."""


class TrainerBase(NamedModels):
    """Base of all trainers.

    Attributes:
        model: what ``model_inference`` calls; the registered models may be parts of it.
        epoch, start_epoch, max_epoch: 0-based; training ends before ``max_epoch``.
        batch_idx, num_batches: place in the epoch, where the trainer runs over batches.
        best_result: best validation result, in per cent.
        _writer: a tensorboard SummaryWriter that a subclass has set, as trainers made for Dassl do; else None.
    """

    model: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self._writers: list[ScalarWriter | WandbWriter] = []
        self._writer: Any = None
        self.start_epoch = self.epoch = self.max_epoch = 0
        self.batch_idx = self.num_batches = 0
        self.best_result = float("-inf")
        self._unchecked: list[tuple[int, int, torch.Tensor]] = []  # epoch, step, loss

    def train(self, start_epoch: int | None = None, max_epoch: int | None = None) -> None:
        """Run the epochs from ``start_epoch`` to before ``max_epoch``; None stands for the attribute of that name.

        The hook ``before_train`` may change both attributes.
        """
        self.start_epoch = self.start_epoch if start_epoch is None else start_epoch
        self.max_epoch = self.max_epoch if max_epoch is None else max_epoch
        self.begin_train_state()
        self.before_train()
        for epoch in range(self.start_epoch, self.max_epoch):
            self.epoch = epoch
            self.seed_loaders()
            self.before_epoch()
            self.run_epoch()
            self.check_losses()
            self.check_finite()
            self.after_epoch()
            self.save_train_state()
        self.after_train()
        self.end_train_state()

    # Hooks, in the order in which they are called

    def before_train(self) -> None:
        """Called once."""

    def seed_loaders(self) -> None:
        """Prepare what loads the data for ``self.epoch``."""

    def before_epoch(self) -> None:
        """Called before each epoch."""

    def run_epoch(self) -> None:
        """Learn from each batch once."""
        raise NotImplementedError

    def after_epoch(self) -> None:
        """Called after each epoch: validation, checkpoints."""

    def save_train_state(self) -> None:
        """Keep what is needed to go on after ``self.epoch``."""

    def after_train(self) -> None:
        """Called once: the final test."""

    def begin_train_state(self) -> None:
        """Called first: what is as it was built."""

    def end_train_state(self) -> None:
        """Called last: what ``save_train_state`` kept is not needed any more."""

    # What a subclass says

    def forward_backward(self, *batches: Any, **options: Any) -> dict[str, Any]:
        """Learn from a batch; returns numbers, or tensors of one element, to report by name."""
        raise NotImplementedError

    def parse_batch_train(self, *batches: Any, **options: Any) -> tuple[Any, ...]:
        """The tensors that ``forward_backward`` needs of its batch, on the device."""
        raise NotImplementedError

    def parse_batch_test(self, batch: Batch) -> tuple[Any, ...]:
        """(images, labels), on the device."""
        raise NotImplementedError

    def test(self, split: str | None = None, **options: Any) -> float:
        """Evaluate; returns the measure that models are compared by, in per cent."""
        raise NotImplementedError

    def model_inference(self, input: torch.Tensor, *further: Any, **options: Any) -> torch.Tensor:
        """Logits (batch, classes) of images (batch, 3, height, width); the model gets further arguments, too."""
        return self.model(input, *further, **options)

    # Learning

    def detect_anomaly(self, loss: torch.Tensor) -> None:
        """Keep the loss of this step for ``check_losses``: to look at it now would wait for the device."""
        if self._unchecked and self._unchecked[0][0] != self.epoch:  # a subclass with a loop of its own
            self.check_losses()
        self._unchecked.append((self.epoch, self.batch_idx, loss.detach().clone()))

    def check_losses(self) -> None:
        """Raise NonFiniteError, which names epoch and step, if a loss since the last call is infinite or not a number.

        Called before the numbers of a step are printed, and before anything of an epoch is saved.
        """
        unchecked, self._unchecked = self._unchecked, []
        finite = torch.stack([loss.isfinite().all() for *_, loss in unchecked]).tolist() if unchecked else []
        for (epoch, step, loss), is_finite in zip(unchecked, finite, strict=True):
            if not is_finite:
                raise NonFiniteError(
                    f"the loss is {loss.float().max().item()} in epoch {epoch + 1}, step {step + 1}: training stops "
                    "here and the checkpoints saved before are kept; lower OPTIM.LR or use a wider precision")

    def non_finite_parameters(self) -> list[str]:
        """Names, "MODEL.PARAMETER", of the parameters that hold an infinite value or one that is not a number."""
        return [f"{name}.{key}" for name, model in self._models.items() for key, value in model.named_parameters()
                if not torch.isfinite(value).all()]

    def check_finite(self) -> None:
        """Raise NonFiniteError, which names the first of them, if there are such parameters."""
        names = self.non_finite_parameters()
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise NonFiniteError(
                f"parameter {names[0]!r}{more} holds values that are not finite: nothing is recorded of it; "
                "lower OPTIM.LR, use a wider precision, or load another checkpoint")

    def model_zero_grad(self, names: Names = None) -> None:
        for optimizer in self._named_optims(names):
            optimizer.zero_grad()

    def model_backward(self, loss: torch.Tensor, **options: Any) -> None:
        """Backward pass of a scalar loss; ``options`` such as ``retain_graph`` are torch's."""
        self.detect_anomaly(loss)
        loss.backward(**options)

    def model_update(self, names: Names = None) -> None:
        for optimizer in self._named_optims(names):
            optimizer.step()

    def model_backward_and_update(self, loss: torch.Tensor, names: Names = None, **options: Any) -> None:
        """One step of the optimizers of the named models (default: all) down a scalar loss; see ``model_backward``."""
        self.model_zero_grad(names)
        self.model_backward(loss, **options)
        self.model_update(names)

    def prograd_backward_and_update(self, loss_a: torch.Tensor, loss_b: torch.Tensor, lambda_: float = 1,
                                    names: Names = None) -> None:
        """One step down the task's loss that does not climb the general one: see ``aligned_gradient``.

        Args:
            loss_a: scalar loss of the task (cross-entropy). loss_b: scalar loss of general knowledge (distance to
                zero-shot CLIP); both may share a graph. lambda_: strength of the projection.
            names: of the models that learn, each of their parameters by itself; default: all.
        """
        parameters = [parameter for name in self.get_model_names(names)
                      for parameter in self._models[name].parameters() if parameter.requires_grad]
        self.model_zero_grad(names)
        self.detect_anomaly(loss_b)
        general = torch.autograd.grad(loss_b, parameters, retain_graph=True, allow_unused=True)
        self.model_backward(loss_a)
        for parameter, direction in zip(parameters, general, strict=True):
            if parameter.grad is not None and direction is not None:
                parameter.grad = aligned_gradient(parameter.grad, direction, lambda_)
        self.model_update(names)

    def update_lr(self, names: Names = None) -> None:
        """Step the schedules; call it once per epoch, after its last batch."""
        for schedule in self._named_scheds(names):
            schedule.step()

    # Tensorboard

    def init_writer(self, log_dir: str) -> None:
        """Write scalars to tensorboard files in a folder from now on."""
        if not self._writers:
            self._writers.append(ScalarWriter(log_dir))

    def close_writer(self) -> None:
        while self._writers:
            self._writers.pop().close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        """Write a number; nothing happens before ``init_writer``."""
        for writer in self._writers:
            writer.add(tag, scalar_value, global_step)
        if self._writer is not None:
            self._writer.add_scalar(tag, scalar_value, global_step)

"""torch.compile for the frozen towers (MODEL.COMPILE)."""
from torch import nn

from .encoders import TextEncoder


def compile_towers(model: nn.Module, backend: str) -> None:
    """Compile the towers of a model in place; parameters keep their names.

    The image tower is compiled as a whole, since its input has few shapes. Packed prompts have a length of their own in
    each step of MAO: of the text tower the MLPs are compiled, for any length.

    Args:
        backend: one of torch.compile's, such as "inductor"; "" compiles nothing.
    """
    if backend:
        model.get_submodule("image_encoder").compile(backend=backend)
        for encoder in model.children():
            if isinstance(encoder, TextEncoder):  # VPT has none
                for block in encoder.transformer.resblocks:
                    block.mlp.compile(backend=backend, dynamic=True)

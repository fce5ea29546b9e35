"""torch.compile for the frozen towers (MODEL.COMPILE)."""
from .model import PromptedCLIP


def compile_towers(model: PromptedCLIP, backend: str) -> None:
    """Compile both towers of a model in place; parameters keep their names.

    The image tower is compiled as a whole, since its input has few shapes. Packed prompts have a length of their own in
    each step of MAO: of the text tower the MLPs are compiled, for any length.

    Args:
        backend: one of torch.compile's, such as "inductor"; "" compiles nothing.
    """
    if backend:
        model.image_encoder.compile(backend=backend)
        for block in model.text_encoder.transformer.resblocks:
            block.mlp.compile(backend=backend, dynamic=True)

"""The clip package, imported without its warning and with a sentence where it is missing."""
import warnings

from compat.errors import UserError

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    try:
        from clip import clip as openai_clip
        from clip.model import CLIP, QuickGELU, Transformer, VisionTransformer
        from clip.simple_tokenizer import SimpleTokenizer
    except ImportError as error:
        raise UserError(
            f"the clip package cannot be imported ({error}): install clip-anytorch==2.6.0 and 'setuptools<81' "
            "(the package called clip on PyPI is an unrelated tool)"
        ) from error

__all__ = ["CLIP", "QuickGELU", "SimpleTokenizer", "Transformer", "VisionTransformer", "openai_clip"]

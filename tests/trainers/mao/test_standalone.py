"""The plug-in can be copied into another repository: old Python's syntax, and nothing of this one imported."""
import ast
import sys

import pytest
from paths import REPOSITORY

FILES = sorted((REPOSITORY / "trainers" / "mao").glob("*.py"))
ALLOWED = {"torch", "yacs", "dassl", "numpy", "sentence_transformers", "huggingface_hub", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_has_the_syntax_of_python_38_and_few_imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{path.name} reaches above its own folder"
            imported = [node.module] if node.level == 0 else []
        else:
            continue
        assert {name.split(".")[0] for name in imported} <= ALLOWED, imported

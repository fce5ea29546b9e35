"""A small model of transformers, for the tests of weights."""
import pytest
import torch
from transformers import CLIPConfig, CLIPModel


@pytest.fixture(scope="module", params=[("gelu", "gelu"), ("quick_gelu", "gelu_new")], ids="-".join)
def hugging_face(request, tmp_path_factory):
    """(model of transformers, its folder)"""
    image, text = request.param
    torch.manual_seed(1)
    model = CLIPModel(CLIPConfig(
        projection_dim=48, text_config={"hidden_size": 64, "intermediate_size": 192, "num_attention_heads": 4,
                                        "num_hidden_layers": 2, "hidden_act": text},
        vision_config={"hidden_size": 160, "intermediate_size": 200, "num_attention_heads": 2, "num_hidden_layers": 2,
                       "image_size": 32, "patch_size": 16, "hidden_act": image})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    folder = tmp_path_factory.mktemp("hugging_face")
    model.save_pretrained(folder)
    return model, folder

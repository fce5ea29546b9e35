"""The bar chart of the quickstart."""
import pytest
from PIL import Image
from record_tools import write_base_to_new

from experiments.reporting import chart
from experiments.reporting.auto import rows_by_dataset
from experiments.reporting.figures.bars import heights
from experiments.reporting.records import BASE
from experiments.reporting.request import read_request


def test_chart_is_a_png_with_a_bar_for_each_accuracy(tmp_path):
    write_base_to_new(tmp_path / "runs")
    by_dataset, _ = rows_by_dataset(read_request([tmp_path / "runs"]))
    assert [len(heights(row)) for row in by_dataset["Pictograms"]] == [3, 3, 4]
    base = heights(by_dataset["Pictograms"][1])[BASE]
    assert (base.value, base.deviation) == (pytest.approx(81.1), pytest.approx(1.0149, abs=1e-4))
    path = tmp_path / "made" / "chart.png"
    assert chart.main([str(tmp_path / "runs"), "--output", str(path)]) == 0
    with Image.open(path) as image:
        assert image.format == "PNG" and min(image.size) > 300
        assert len(image.convert("RGB").getcolors(1 << 20)) > 10
    assert [entry.name for entry in path.parent.iterdir()] == ["chart.png"]


def test_nothing_to_draw_is_an_error_and_writes_nothing(tmp_path, capsys):
    assert chart.main([str(tmp_path), "--output", str(tmp_path / "chart.png")]) == 2
    assert capsys.readouterr().err.startswith("error: no base-to-new evaluations in ")
    assert list(tmp_path.iterdir()) == []

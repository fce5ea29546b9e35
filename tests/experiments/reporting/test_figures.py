"""Figures from records: their numbers, their files, what is left out."""
import xml.etree.ElementTree as ET

import pytest
from golden_records import make
from PIL import Image
from record_tools import write, write_base_to_new, write_cost, write_epochs

from experiments.reporting.figures import FIGURES
from experiments.reporting.figures import __main__ as figures
from experiments.reporting.figures.cost import curves
from experiments.reporting.figures.gain import gains
from experiments.reporting.figures.plane import points
from experiments.reporting.figures.training import runs
from experiments.reporting.request import read_request
from experiments.reporting.table1 import base_to_new_groups

NAMES = ["ablation_k", "ablation_settings", "bars", "cost", "few_shot", "gain", "plane", "training_base"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folder of the figures of the checked-in records."""
    folder = tmp_path_factory.mktemp("figures") / "made"
    assert figures.main([str(make.RECORDS), "--output", str(folder)]) == 0
    return folder


def test_each_figure_is_a_png_and_an_svg(drawn):
    assert sorted(path.name for path in drawn.iterdir()) == [
        f"{name}.{form}" for name in NAMES for form in ("png", "svg")]
    for name in NAMES:
        with Image.open(drawn / f"{name}.png") as image:
            assert image.format == "PNG" and image.width > 800 and image.height > 250
            assert len(image.convert("RGB").getcolors(1 << 20)) > 50
        assert ET.parse(drawn / f"{name}.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_same_records_make_the_same_bytes(drawn, tmp_path):
    assert figures.main([str(make.RECORDS), "--output", str(tmp_path), "--figures", "gain", "cost"]) == 0
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (drawn / path.name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 4


def test_nothing_of_a_figure_is_cut_off(drawn):
    for name in NAMES:
        with Image.open(drawn / f"{name}.png") as image:
            grey = image.convert("L")
            edges = [(0, 0, grey.width, 2), (0, grey.height - 2, grey.width, grey.height), (0, 0, 2, grey.height),
                     (grey.width - 2, 0, grey.width, grey.height)]
            assert all(grey.crop(box).getextrema() == (255, 255) for box in edges), name


def test_gain_is_the_difference_of_the_means(tmp_path):
    write_base_to_new(tmp_path / "pictograms")
    write_base_to_new(tmp_path / "caltech", dataset="Caltech101", better=10)
    found = dict(gains(base_to_new_groups(read_request([tmp_path]))[0]))
    assert list(found) == ["Average of 2", "Caltech101", "Pictograms"]
    assert found["Pictograms"]["CoOp_MAO"]["new"] == (pytest.approx(9.0), None)
    assert found["Caltech101"]["CoOp_MAO"]["base"] == (pytest.approx(1.1), pytest.approx(98.06 - 97.55))
    assert found["Average of 2"]["CoOp_MAO"]["base"] == (pytest.approx(0.6), None)


def test_plane_has_the_methods_with_both_halves(tmp_path):
    write_base_to_new(tmp_path)
    write(tmp_path / "half", "MaPLe", "base", 1, 800)
    (group,) = base_to_new_groups(read_request([tmp_path]))[0]
    assert {method: (float(base.mean), float(new.mean)) for method, (base, new) in points(group).items()} == {
        "ZeroshotCLIP": (70, 65), "CoOp": (81.1, 60.7), "CoOp_MAO": (81.2, 69.7)}


def test_training_curves_are_of_the_longest_run_with_default_settings(tmp_path):
    write_epochs(tmp_path / "run", "CoOp_MAO", [3.0, 2.0, 1.0], stage="base", config_digest="default")
    write_epochs(tmp_path / "short", "CoOp_MAO", [9.0], stage="base", config_digest="stopped")
    write_epochs(tmp_path / "ablation", "CoOp_MAO", [5.0] * 5, stage="base", config_digest="k")
    write(tmp_path / "ablation", "CoOp_MAO", "base", 1, 500, stage="base", config_digest="k", settings={"MAO.TOPK": 2})
    found = runs(read_request([tmp_path]))
    assert {key: {seed: [epochs[epoch].loss for epoch in epochs] for seed, epochs in seeds.items()}
            for key, seeds in found.items()} == {("base", "Pictograms", "CoOp_MAO"): {1: [3.0, 2.0, 1.0]}}


def test_a_loss_that_was_not_finite_leaves_a_gap(tmp_path):
    write_epochs(tmp_path, "CoOp", [3.0, 2.0])
    write_epochs(tmp_path, "CoOp", [3.0, 2.0], loss=None)
    (drawing,) = FIGURES["training"](read_request([tmp_path]))
    loss, accuracy = drawing.figure.axes
    assert len(loss.lines) == 0 and len(accuracy.lines) == 1


def test_cost_curves_need_two_numbers_of_classes(tmp_path):
    for count in (200, 50):
        write_cost(tmp_path, "CoOp", count, count / 1000)
    write_cost(tmp_path, "MaPLe", 50, 0.5)
    write_cost(tmp_path, "CoOp", 50, 9.0, date="2025-01-01T00:00:00+00:00")  # older
    lines = curves(read_request([tmp_path]).measurements[:2])
    assert [one.step_seconds for one in lines["CoOp"]] == [0.05, 0.2]
    (drawing,) = FIGURES["cost"](read_request([tmp_path]))
    assert [line.get_ydata().tolist() for line in drawing.figure.axes[0].lines] == [[50.0, 200.0]]


def test_figures_without_data_are_left_out_with_a_sentence(tmp_path, capsys):
    write_base_to_new(tmp_path / "runs")
    assert figures.main([str(tmp_path / "runs"), "--output", str(tmp_path / "figures")]) == 0
    left_out = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out: ")]
    assert len(left_out) == 4 and "training.jsonl" in left_out[0]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "bars.png", "bars.svg", "gain.png", "gain.svg", "plane.png", "plane.svg"]


def test_no_data_at_all_is_an_error_and_writes_nothing(tmp_path, capsys):
    assert figures.main([str(tmp_path), "--output", str(tmp_path / "figures"), "--figures", "plane"]) == 2
    assert capsys.readouterr().err.startswith("error: no records for figures in ")
    assert list(tmp_path.iterdir()) == []


def test_few_shot_has_a_line_per_method_that_has_records(tmp_path):
    """Its numbers are the table's; what trains nothing is a line from side to side."""
    write(tmp_path / "zero", "ZeroshotCLIP", "all", 1, 700, shots=-1, epoch=0, source="")
    for shots, probe in ((1, 500), (4, 650), (16, 800)):
        write(tmp_path / f"probe{shots}", "LinearProbe", "all", 1, probe, shots=shots, config_digest=f"p{shots}")
    assert [axis.get_title() for axis in FIGURES["few_shot"](read_request([tmp_path]))[0].figure.axes] == ["Pictograms"]
    write(tmp_path / "coop", "CoOp", "all", 1, 750, shots=16)
    (drawing,) = FIGURES["few_shot"](read_request([tmp_path]))
    assert "ZeroshotCLIP 70.00 (0), LinearProbe 50.00 (1) 65.00 (4) 80.00 (16), CoOp 75.00 (16)" in drawing.description
    (axis,) = drawing.figure.axes
    assert list(axis.get_xticks()) == [1, 4, 16] and axis.get_xscale() == "log"
    heights = [list(line.get_ydata()) for line in axis.get_lines()]
    assert [70.0, 70.0] in heights and [50.0, 65.0, 80.0] in heights and [75.0] in heights
    assert drawing.png().startswith(b"\x89PNG")


def test_one_number_of_shots_is_no_line(tmp_path):
    write(tmp_path, "LinearProbe", "all", 1, 800)
    assert FIGURES["few_shot"](read_request([tmp_path])) == []

"""A checked-in folder of records gives the checked-in tables, byte for byte, in all layouts and formats."""
import shutil

import pytest
from golden_records import make

from experiments.reporting import tables
from experiments.reporting.layouts import LAYOUTS
from experiments.reporting.text import FORMATS


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_records_give_the_checked_in_table(layout, form, tmp_path, monkeypatch):
    monkeypatch.chdir(make.HERE)
    output = tmp_path / "table"
    assert tables.main(["records", "--layout", layout, "--format", form, "--output", str(output)]) == 0
    assert output.read_bytes() == make.table_path(layout, form).read_bytes()


def test_order_of_files_and_lines_changes_nothing(tmp_path):
    shutil.copytree(make.RECORDS, tmp_path / "records")
    for number, path in enumerate(sorted((tmp_path / "records").rglob("results.jsonl"))):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(reversed(lines)))
        folder = path.parent.rename(tmp_path / "records" / f"{1000 - number}")
        assert (folder / "results.jsonl").is_file()
    for layout in set(LAYOUTS) - {"efficiency"}:
        output = tmp_path / layout
        assert tables.main([str(tmp_path / "records"), "--layout", layout, "--format", "markdown", "--output",
                            str(output)]) == 0
        assert output.read_text() == make.table_path(layout, "markdown").read_text()

"""Records of the batch as the chapters read them, and whether those in the book are complete."""

import json
import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from batch.hashes import own_code_hash, stored
from batch.runs import read_batch
from notebook.reading import ROOT, cells_of, read_notebook
from scipy import stats
from scipy.interpolate import interp1d

from lenetcourse import (
    LeNet5,
    Table,
    count_macs,
    course_file,
    layer_table,
    mean_and_std,
    mean_interval,
    read_results,
    select,
)
from lenetcourse.files import temporary_name
from lenetcourse.show import results
from lenetcourse.show.cost_drawing import blocks, draw_costs
from lenetcourse.show.widgets import expected_error, explore_kernels

ERRORS = {(3, 8): [0.012, 0.013], (6, 16): [0.010, 0.009], (1, 2): [0.03, 0.032]}


def record(folder, name, **parameters):
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"run": name, "parameters": parameters}), encoding="utf-8")


def test_records_of_a_sweep_in_natural_order(tmp_path):
    for seed in (10, 9, 0):
        record(tmp_path, f"sizes/kernels-6-16_seed-{seed}", kernels=[6, 16], seed=seed)
    record(tmp_path, "sizes/kernels-12-32_seed-0", kernels=[12, 32], seed=0)
    record(tmp_path, "sizes/kernels-3-8_seed-0", kernels=[3, 8], seed=0, dropout=0.1)
    records = read_results("sizes", tmp_path)
    order = [(r["parameters"]["kernels"][0], r["parameters"]["seed"]) for r in records]
    assert order == [(3, 0), (6, 0), (6, 9), (6, 10), (12, 0)]
    assert select(records, seed=0, kernels=[12, 32]) == [records[-1]]
    assert select(records, dropout=None) == records[1:]
    assert select(records, colour="red") == []
    # What a killed batch left is no record, though its name has the ending of one.
    (tmp_path / "sizes" / temporary_name("kernels-6-16_seed-1.json")).write_text("{")
    assert read_results("sizes", tmp_path) == records


def test_record_of_a_chapter_and_none_at_all(tmp_path):
    record(tmp_path, "02_toy", dataset="digits")
    assert [r["run"] for r in read_results("02_toy", tmp_path)] == ["02_toy"]
    with pytest.raises(FileNotFoundError, match=r"no results of 'sizes'.*make figures ONLY=sizes"):
        read_results("sizes", tmp_path)


def test_beside_the_notebook_first_then_with_the_library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with_library = ROOT / "book"
    assert course_file("published.json") == with_library / "published.json"
    assert len(read_results("kernels")) == len(list((with_library / "results/kernels").iterdir()))
    (tmp_path / "results").mkdir()  # somebody's own: what it does not hold still comes
    assert read_results("02_lenet5")[0]["run"] == "02_lenet5"
    record(tmp_path / "results", "02_lenet5", seed=1)
    record(tmp_path / "results", "kernels/seed-1", seed=1)
    assert [r["parameters"] for r in read_results("02_lenet5")] == [{"seed": 1}]
    assert [r["parameters"] for r in read_results("kernels")] == [{"seed": 1}]
    with pytest.raises(FileNotFoundError, match=r"no results of 'sizes' in results, nor with the"):
        read_results("sizes")
    with pytest.raises(FileNotFoundError, match=r"no cat\.json beside the notebook"):
        course_file("cat.json")


def test_a_wheel_has_them_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "site/lenetcourse/recorded/results", "sizes/seed-0", seed=0)
    monkeypatch.setattr(results, "LIBRARY", tmp_path / "site/lenetcourse")
    assert len(read_results("sizes")) == 1


READING = re.compile(r"(?:read_results|course_file)\(\"([\w.]+)\"")


def test_batch_yml_names_all_that_a_chapter_reads():
    """What a run lacks beside itself it would take from the library: an older run's."""
    for run in read_batch(ROOT):
        if run.kind == "chapter":
            named = {*run.reads, *run.files}
            code = "\n".join(cell.source for _, cell in cells_of(read_notebook(run.source), "code"))
            assert set(READING.findall(code)) <= named, run.name


def test_mean_spread_and_interval_agree_with_numpy_and_scipy():
    values = np.random.default_rng(0).normal(0.2, 0.1, 5).tolist()
    assert mean_and_std(values) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx(tuple(expected))
    mean, spread = mean_and_std([3])
    assert mean == 3
    assert math.isnan(spread)
    with pytest.raises(ValueError, match="at least two"):
        mean_interval([1.0])


def test_table():
    rows = [["a<b", "1,000", "+1 to 2"], ["long name", -5, ""], ["4", "n/a " * 9, "5"]]
    table = Table(["name", "count", "range"], rows[:2])
    assert repr(table).splitlines() == [
        "name       count    range",
        "a<b        1,000  +1 to 2",
        "long name     -5",
    ]
    shown = table._repr_html_()
    assert '<td style="text-align: left; white-space: nowrap">a&lt;b</td>' in shown
    assert '<th style="text-align: right; white-space: nowrap">count</th>' in shown
    assert shown.count("<tr>") == 3
    mixed = Table(["name", "count", "range"], rows)
    assert 'min-width: 11em">1,000</td>' in mixed._repr_html_()
    assert repr(mixed).splitlines()[1].startswith("a<b        1,000   ")
    with pytest.raises(ValueError, match="needs 2 cells"):
        Table(["one", "two"], [["only one"]])


def test_expected_error_is_read_between_the_measured_ones():
    macs, errors = np.array([100.0, 10_000.0]), np.array([0.04, 0.02])
    assert expected_error(macs, errors, 1000) == "3.00%"
    assert expected_error(macs, errors, 100) == "4.00%"
    assert expected_error(macs, errors, 99) == "nothing: not measured"


def test_figure_in_place_of_the_sliders():
    before = torch.get_rng_state()
    assert explore_kernels(ERRORS, interactive=False) is None
    assert torch.equal(torch.get_rng_state(), before)
    axes = plt.gcf().axes
    assert len(axes) == 6  # weights and multiply-adds of three sizes, the smallest first
    assert [axis.get_title("left") for axis in axes[1:3]] == ["(3, 8)\n27,180", "(6, 16)\n44,426"]
    assert [axis.texts[0].get_text() for axis in axes[4:]] == [
        "validation\nerror\n1.25%",
        "validation\nerror\n0.95%",
    ]
    plt.close("all")


def test_sliders_redraw_the_figure(monkeypatch):
    titles = []
    monkeypatch.setattr(plt, "show", lambda: titles.append(plt.gcf().get_suptitle()))
    first, second = explore_kernels(ERRORS).children[:2]
    assert (first.value, second.value) == (6, 16)
    first.value, second.value = 3, 8
    assert len(titles) == 3  # as it opens, and after each move
    assert [titles[0], titles[-1]] == ["(6, 16): expect 0.95%", "(3, 8): expect 1.25%"]
    second.value = 32
    cost = count_macs(LeNet5((3, 32)))
    ends = [count_macs(LeNet5(pair)) for pair in ((3, 8), (6, 16))]
    between = interp1d(np.log(ends), [1.25, 0.95])(np.log(cost))
    assert titles[-1] == f"(3, 32): expect {between:.2f}%"
    plt.close("all")


@pytest.mark.parametrize("kernels", [(6, 16), (3, 8), (12, 32), (1, 2)])
def test_rectangles_have_the_areas_of_the_layers(kernels):
    table = layer_table(LeNet5(kernels))
    assert [block.area for block in blocks(kernels, "weights")] == [row.parameters for row in table]
    assert [block.area for block in blocks(kernels, "multiply-adds")] == [row.macs for row in table]
    for axis, count in zip(draw_costs(kernels).axes, ("parameters", "macs"), strict=True):
        drawn = axis.patches[::2]  # the filled ones
        areas = [patch.get_width() * patch.get_height() for patch in drawn]
        assert areas == pytest.approx([getattr(row, count) for row in table])
        high, low = axis.get_ylim()
        assert all(low <= p.get_y() <= p.get_y() + p.get_height() <= high for p in drawn)
        assert all(p.get_width() <= axis.get_xlim()[1] for p in drawn)
    plt.close("all")


def test_every_run_of_the_batch_is_recorded():
    sweeps = [run for run in read_batch(ROOT) if run.kind != "chapter"]
    changed = {run.group for run in sweeps if stored(run).get("code_hash") != own_code_hash(run)}
    assert not changed, f'run `make figures ONLY="{" ".join(sorted(changed))}"`'
    assert {stored(run)["dataset"] for run in sweeps} == {
        "mnist", "cifar10", "flowers", "colour-digits",
    }  # fmt: skip


def test_no_record_without_a_run():
    known = {run.record for run in read_batch(ROOT)}
    assert set((ROOT / "book" / "results").rglob("*.json")) <= known

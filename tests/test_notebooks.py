"""The teaching notebooks: stored whole, with outputs; their text proved; executed, they say it again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

import derive
from tests.notebooks import NOTEBOOKS, ROOT, execute, said, same

ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|work|usr|opt|var|private)/|\b[A-Z]:\\\\?Users")
SOLUTION = re.compile(r"```python\n(.*?)```", re.DOTALL)
LARGEST = 400_000  # bytes of one notebook, its pictures included
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# ── as they are stored ─────────────────────────────────────────────────────────────────────────────────────


def test_there_are_five() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == list("12345")


@each_notebook
def test_it_is_valid_and_stored_with_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(cell.outputs) for cell in cells) >= len(cells) / 2
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]
    assert not [o for cell in cells for o in cell.outputs if o.get("name") == "stderr"]


@each_notebook
def test_it_holds_nothing_of_the_machine_that_ran_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    outputs = [output.get("data", {}) for cell in code_cells(notebook) for output in cell.outputs]
    assert not any("text/html" in data for data in outputs)
    for cell in notebook.cells:
        text = cell.source + (said(cell) if cell.cell_type == "code" else "")
        assert not ABSOLUTE.search(text), text
    assert path.stat().st_size < LARGEST


@each_notebook
def test_its_text_is_proved(path: Path) -> None:
    counts = derive.check(path).counts
    assert counts["proved"] >= 5
    assert counts["refuted"] == counts["unknown"] == counts["unread"] == 0


@each_notebook
def test_it_imports_what_is_public(path: Path) -> None:
    """All but the fourth, which opens the kernel, keep to the public names."""
    inner = {"derive.kernel", "derive.terms", "numeric.certify"} if path.name.startswith("4") else set()
    sources = "\n".join(cell.source for cell in code_cells(nbformat.read(path, as_version=4)))
    assert set(re.findall(r"^from ((?:derive|numeric)\.[\w.]+) import", sources, re.M)) <= inner


def test_the_readme_names_each_of_them() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\(notebooks/([\w-]+\.ipynb)\)", readme) == [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("2 of 2 steps proved", "2 of 2 claims proved", True),
        ("2 of 2 steps proved", "1 of 2 steps proved", False),
        ("c: proved", "c: refuted", False),
        ("objective 0.7308212761", "objective 0.7308212759", True),
        ("objective 0.7308212761", "objective 0.7508212759", False),
        ("error 3e-13, tolerance 1e-12", "error 0e+00, tolerance 4e-12", True),
        ("left −1, right 1", "left 1, right 1", False),
        ("refuted [D102]", "refuted [D103]", False),
        ("right in numerator layout", "right in denominator layout", False),
    ],
)
def test_what_counts_as_the_same_output(one: str, other: str, agree: bool) -> None:
    assert same(one, other) is agree


# ── executed ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.notebooks
@each_notebook
def test_it_says_the_same_when_it_is_executed(path: Path) -> None:
    stored, fresh = nbformat.read(path, as_version=4), execute(nbformat.read(path, as_version=4), path.parent)
    for before, after in zip(code_cells(stored), code_cells(fresh), strict=True):
        assert same(said(before), said(after)), f"{before.source}\n\n{said(before)}\n\n{said(after)}"
        kinds = [[sorted(o.get("data", ())) for o in cell.outputs if "data" in o] for cell in (before, after)]
        assert [("image/png" in kind) for kind in kinds[0]] == [("image/png" in kind) for kind in kinds[1]]


@pytest.mark.notebooks
def test_the_solutions_of_the_exercises_solve_them() -> None:
    """Formulas among them are claims of the text; here the programs run, each behind its exercise."""
    path = NOTEBOOKS[-1]
    notebook = nbformat.read(path, as_version=4)
    cells, solutions = [], 0
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            programs = SOLUTION.findall(cell.source)
            solutions += len(programs)
            cells += [nbformat.v4.new_code_cell(program) for program in programs]
    notebook.cells = cells
    assert solutions == 1
    execute(notebook, path.parent)


@pytest.mark.notebooks
def test_each_exercise_is_wrong_as_it_is_given() -> None:
    cells = code_cells(nbformat.read(NOTEBOOKS[-1], as_version=4))
    exercises = [said(cell) for cell in cells if "answer = " in cell.source]
    assert len(exercises) == 7
    assert all("1 claim: 1 refuted" in text for text in exercises)


# ── the pictures ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.notebooks
def test_the_error_of_a_difference_has_the_shape_of_a_v() -> None:
    from numeric import figures

    axes = figures.step_size(lambda t: np.exp(2 * t), 2.0).axes[0]
    curves = {str(line.get_label()): line.get_xydata() for line in axes.lines}
    for name, order in (("forward difference", 1), ("central difference", 2)):
        steps, errors = curves[name].T
        coarse = (steps < 3e-2) & (steps > 1e-4)
        power = np.polyfit(np.log(steps[coarse]), np.log(errors[coarse]), 1)[0]
        assert power == pytest.approx(order, abs=0.05)
        assert errors[steps < 1e-12].min() > 1e3 * errors.min()
    steps, errors = curves["complex step"].T
    assert errors[steps < 1e-9].max() < 1e-15


@pytest.mark.notebooks
def test_what_the_other_pictures_show() -> None:
    from numeric import figures

    axes = figures.temperature([2.0, 1.0, 0.0], names=["first", "second", "third"]).axes[0]
    shares = np.array(
        [line.get_ydata() for line in axes.lines if line.get_label() in ("first", "second", "third")]
    )
    assert shares.shape[0] == 3
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    assert shares[0, 0] > 0.999

    section = figures.convexity(lambda u, v: u * u + v * v, (-1, -1), (1, 1)).axes[1]
    loss, chord = section.lines
    np.testing.assert_allclose(chord.get_ydata(), [2, 2])
    assert loss.get_ydata().min() == pytest.approx(0)

    assert len(figures.rows_as_images(np.arange(12.0).reshape(3, 4), (2, 2)).axes) == 4
    assert figures.convergence({"a": [1, 0.1]}, "gap").axes[0].get_yscale() == "log"


@pytest.mark.notebooks
def test_pictures_of_what_does_not_fit_are_refused() -> None:
    from numeric import figures

    with pytest.raises(ValueError, match="scores"):
        figures.temperature(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="2×2"):
        figures.rows_as_images(np.zeros((3, 5)), (2, 2))
    with pytest.raises(ValueError, match="curves"):
        figures.convergence({}, "gap")

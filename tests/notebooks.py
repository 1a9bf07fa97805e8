"""The teaching notebooks: executed from top to bottom, and stored with their outputs.

    python -m tests.notebooks [NAME ...]     executes notebooks, all by default, and stores their outputs

What would change from run to run (times, versions) is not stored. Nor is HTML beside text: sites that merely
display a notebook take style and MathML out of it, and the text is what still reads well there.
"""

from __future__ import annotations

import math
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 120  # for one cell, on a slow machine

_VERDICT = re.compile(
    r"\b(?:proved|refuted|unknown|unread|D\d{3}|agrees?|disagree|inconclusive|accepted|rejected"
    r"|denominator|numerator|mixed|True|False|Theorem|Residual)\b"
)
_NUMBER = re.compile(r"(?<![\w.])[-−+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])")


def execute(notebook: Any, folder: Path) -> Any:
    """The notebook with fresh outputs, run in a folder by a kernel that imports this tree.

    Raises CellExecutionError where a cell fails.
    """
    from nbclient import NotebookClient  # the extra `notebooks`

    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([before] if before else [])])
    try:
        client.execute()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return cleaned(notebook)


def cleaned(notebook: Any) -> Any:
    """The notebook without what depends on the machine or the moment."""
    notebook.metadata.clear()
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
        if cell.cell_type == "code":
            cell.outputs = _plain(cell.outputs)
    return notebook


def _plain(outputs: list[Any]) -> list[Any]:
    """The outputs without HTML, and with what was printed without anything in between in one piece."""
    found: list[Any] = []
    for output in outputs:
        if "text/plain" in output.get("data", {}):
            output["data"].pop("text/html", None)
        before = found[-1] if found else {}
        if output["output_type"] == "stream" and output["name"] == before.get("name"):
            before["text"] += output["text"]
        else:
            found.append(output)
    return found


def said(cell: Any) -> str:
    """What a code cell prints and returns, as text; pictures are left out."""
    parts = []
    for output in cell.get("outputs", ()):
        if output["output_type"] == "stream":
            parts.append(output["text"])
        elif "image/png" not in output.get("data", {}):
            parts.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


def same(one: str, other: str) -> bool:
    """Whether two texts agree in what matters: all verdicts, in order, and numbers to a hundredth or 1e-6.

    Wording may change. So may errors of differences and the last digits of an optimum, which depend on the
    processor; that they are small is asserted in the notebooks themselves.
    """
    verdicts = [_VERDICT.findall(text) for text in (one, other)]
    numbers = [[float(n.replace("−", "-")) for n in _NUMBER.findall(text)] for text in (one, other)]
    return (
        verdicts[0] == verdicts[1]
        and len(numbers[0]) == len(numbers[1])
        and all(math.isclose(a, b, rel_tol=1e-2, abs_tol=1e-6) for a, b in zip(*numbers, strict=True))
    )


def main(names: list[str]) -> None:
    """Execute the notebooks whose names contain one of these, or all, and store them."""
    for path in NOTEBOOKS:
        if not names or any(name in path.name for name in names):
            nbformat.write(execute(nbformat.read(path, as_version=4), path.parent), path)
            print(f"stored {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])

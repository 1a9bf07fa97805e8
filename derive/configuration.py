"""What a project sets once, in its pyproject.toml; the command line goes before it.

    [tool.derive]
    paths = ["docs", "notes.tex"]      what `derive check` reads when it is given no file
    given = ["shapes.md"]              statements that hold in all documents
    layout = "denominator"
    allow = ["unknown"]                verdicts that do not fail the check
    baseline = "derive-baseline.json"
    timeout = 20                       seconds for one claim

Paths are those from the folder of the pyproject.toml, which is the nearest one upwards that has this table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.expression import Layout

ALLOWED = ("unknown", "unread")


class Misconfigured(ValueError):
    """A configuration that does not say what it should, and where."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What [tool.derive] says; paths as they are opened from the current folder."""

    paths: tuple[Path, ...] = ()
    given: tuple[Path, ...] = ()
    layout: Layout | None = None
    allow: tuple[str, ...] = ()
    baseline: Path | None = None
    timeout: float | None = None


def load(folder: Path) -> Configuration:
    """The configuration that holds in a folder. Raises Misconfigured."""
    start = Path(os.path.abspath(folder))
    for above in (start, *start.parents):
        file = above / "pyproject.toml"
        try:
            data = file.read_bytes()
        except OSError:
            continue
        if b"derive" not in data:  # few folders make it necessary to load the reader of TOML
            continue
        import tomllib

        try:
            tool = tomllib.loads(data.decode("utf-8")).get("tool")
        except ValueError as trouble:
            raise Misconfigured(f"{file} is not TOML: {trouble}") from None
        table = tool.get("derive") if isinstance(tool, dict) else None
        if table is not None:
            return _read(file, table)
    return Configuration()


def _read(file: Path, table: Any) -> Configuration:
    if not isinstance(table, Mapping):
        raise Misconfigured(f"{file}: [tool.derive] is a table")
    names = [slot.name for slot in fields(Configuration)]
    for key in table:
        if key not in names:
            from difflib import get_close_matches  # loaded only for the hint

            close = get_close_matches(key, names, 1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names)}"
            raise Misconfigured(f"{file}: [tool.derive] has no key {key!r}; {hint}")
    folder = file.parent
    layout, timeout = table.get("layout"), table.get("timeout")
    if layout not in (None, "numerator", "denominator"):
        raise Misconfigured(f"{file}: [tool.derive] layout is 'numerator' or 'denominator', not {layout!r}")
    if timeout is not None and (type(timeout) not in (int, float) or not 0 < timeout < 1e6):
        raise Misconfigured(f"{file}: [tool.derive] timeout is a number of seconds, not {timeout!r}")
    allow = _texts(file, table, "allow")
    for verdict in allow:
        if verdict not in ALLOWED:
            raise Misconfigured(f"{file}: [tool.derive] allow takes {' and '.join(ALLOWED)}, not {verdict!r}")
    baseline = table.get("baseline")
    if baseline is not None and not isinstance(baseline, str):
        raise Misconfigured(f"{file}: [tool.derive] baseline is the path of a file, not {baseline!r}")
    return Configuration(
        tuple(_shown(folder / name) for name in _texts(file, table, "paths")),
        tuple(_shown(folder / name) for name in _texts(file, table, "given")),
        layout,
        allow,
        None if baseline is None else _shown(folder / baseline),
        timeout,
    )


def _texts(file: Path, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise Misconfigured(f'{file}: [tool.derive] {key} is a list of texts, such as {key} = ["…"]')
    return tuple(value)


def _shown(path: Path) -> Path:
    """A path from the current folder where it is below that, else the absolute one."""
    try:
        return Path(os.path.normpath(path)).relative_to(Path.cwd())
    except ValueError:
        return Path(os.path.normpath(path))

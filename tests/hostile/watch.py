"""Which files a process opens, and what else it does to the world: an audit hook that keeps a list.

    python -m tests.hostile.watch LIST derive-arguments…

runs the command line and writes a line to LIST for everything that only somebody who was asked should do.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

ACTING = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "urllib.Request",
)
CHANGING = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "shutil.rmtree",
)
LOOKING = ("os.listdir", "os.scandir")


def homes() -> tuple[str, ...]:
    """Folders from which a process may read by itself: Python's own, and those of this project's packages."""
    root = Path(__file__).resolve().parents[2]
    paths = [*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix)]
    ours = [str(root / name) for name in ("derive", "numeric", "tests")]
    return tuple(os.path.join(os.path.realpath(path), "") for path in [*paths, *ours])


def watch(allowed: Callable[[str, bool], bool]) -> list[str]:
    """What happens from now on that is not allowed.

    Args:
        allowed: of a path, and whether it is written to: whether that was asked for.
    """
    found: list[str] = []
    own = homes()
    searched = {os.path.abspath(path) for path in sys.path}  # for modules

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ACTING or event.startswith(ACTING):
            found.append(f"{event} {arguments!r:.200}")
        elif event == "open" or event in CHANGING or event in LOOKING:
            path = arguments[0]
            if not isinstance(path, str | bytes | os.PathLike):
                return  # a descriptor that is open already
            name = os.path.abspath(os.fsdecode(path))
            mode, flags = (arguments[1], arguments[2]) if event == "open" else (None, 0)
            writing = event in CHANGING or bool(set(str(mode or "")) & set("wax+"))
            writing = writing or bool(
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            is_own = os.path.join(name, "").startswith(own)
            if (event in LOOKING and name in searched) or (is_own and "__pycache__" in name):
                return  # modules, and their bytecode
            if (writing or not is_own) and not allowed(name, writing):
                found.append(f"{event} {name!r}{' to write' if writing else ''}")

    sys.addaudithook(hook)
    return found


def main() -> None:
    """Run the command line under watch."""
    listing, *arguments = sys.argv[1:]
    from derive import cli

    found = watch(lambda name, writing: name == os.devnull)
    status = cli.run(arguments)
    seen = list(found)
    Path(listing).write_text(
        "".join(f"{line}\n" for line in seen), encoding="utf-8", errors="backslashreplace"
    )
    sys.exit(status)


if __name__ == "__main__":
    main()

"""Which folder of the packages imports which, read from the source: the arrows of docs/architecture.md.

Nothing of ours is imported.

python -m scripts.import_graph [ROOT]      # ROOT: another checkout to compare with
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from streamo_app.config import Parser
from streamo_app.dispatch import exit_status

PACKAGES = ("streamo_app", "finetune")
Graph = dict[str, set[str]]


def module_name(path: Path, root: Path) -> str:
    """`streamo_app/live/run.py` -> `streamo_app.live.run`; a package's `__init__.py` is the package."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported_names(path: Path) -> Iterator[str]:
    """Every dotted name that `path` imports anywhere, functions included: `from a import b` gives `a` and `a.b`.

    Raises ValueError on a relative import: whole module names can be searched for.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"{path} line {node.lineno}: write the whole module name.")
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_graph(root: Path) -> Graph:
    """Module -> modules of ours that it imports. An import of a module is not one of the package that it lies in."""
    paths = {module_name(path, root): path for package in PACKAGES for path in (root / package).rglob("*.py")}
    graph: Graph = {}
    for module, path in paths.items():
        found = {name for name in imported_names(path) if name in paths} - {module}
        graph[module] = {name for name in found if not any(other.startswith(f"{name}.") for other in found)}
    return graph


def folder(module: str, root: Path) -> str:
    """The folder that a module lies in: `streamo_app.live` of `streamo_app.live.run`.

    A file at the top of a package stands for itself.
    """
    inside, _, _ = module.rpartition(".")
    if (root / module.replace(".", "/")).is_dir() or inside in PACKAGES:
        return module
    return inside


def folder_arrows(graph: Graph, root: Path) -> Counter[tuple[str, str]]:
    """(folder that imports, folder imported) -> number of imports, between different folders."""
    arrows: Counter[tuple[str, str]] = Counter()
    for module, imported in graph.items():
        here = folder(module, root)
        arrows.update((here, folder(name, root)) for name in imported if folder(name, root) != here)
    return arrows


def circle(graph: Graph) -> list[str]:
    """One circle of a graph, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def main(argv: list[str]) -> int:
    parser = Parser(prog="python -m scripts.import_graph", description="Print which folder imports which.")
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="a checkout (default: this one)")
    root = parser.parse_args(argv).root.resolve()
    modules = module_graph(root)
    if not modules:
        raise ValueError(f"There is no {' or '.join(PACKAGES)} in {root}; name a checkout of Streamo.")
    arrows = folder_arrows(modules, root)
    targets: dict[str, list[str]] = {}
    for (here, there), count in sorted(arrows.items()):
        targets.setdefault(here, []).append(f"{there} ({count})")
    for here, listed in targets.items():
        print(f"{here} -> {', '.join(listed)}")
    folders = {folder(module, root) for module in modules}
    print(f"{len(modules)} modules in {len(folders)} folders, {len(arrows)} arrows between folders")
    print(f"circle: {' -> '.join(circle(modules))}" if circle(modules) else "no circle of modules")
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(lambda: main(sys.argv[1:])))

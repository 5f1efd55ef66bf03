"""Facts, one a line: their form, and the difference between two records."""

from collections.abc import Iterable, Iterator, Mapping


def facts(tree: Mapping[str, object]) -> list[str]:
    """A line for each leaf of the tree, with the names that lead to it."""
    return sorted({" > ".join(names) for names in _branches(tree)})


def _branches(tree: object) -> Iterator[tuple[str, ...]]:
    """An empty branch is a leaf, and so is each element of a list."""
    if isinstance(tree, Mapping):
        for name, below in tree.items():
            yield from ((name, *names) for names in _branches(below))
        if not tree:
            yield ()
    elif isinstance(tree, str):
        yield (tree,)
    elif isinstance(tree, Iterable):
        for element in tree:
            yield from _branches(element)


def difference(recorded: Iterable[str], observed: Iterable[str]) -> list[str]:
    """A line for each fact that is gone and each that is new. A fact that changed is both, one near the other."""
    before, now = set(recorded), set(observed)
    marked = [(fact, "gone") for fact in before - now] + [(fact, "new ") for fact in now - before]
    return [f"{mark}  {fact}" for fact, mark in sorted(marked)]

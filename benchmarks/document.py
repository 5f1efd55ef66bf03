"""`docs/performance.md`: the benchmark writes the blocks between its markers, so that they stay true."""

import re
from collections.abc import Mapping, Sequence

from benchmarks.rows.row import Table
from benchmarks.terminal import HEADS, cells
from benchmarks.verdict import Line

BLOCK = re.compile(r"(<!-- benchmark: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(document: str, blocks: Mapping[str, str]) -> str:
    """The document with its blocks written anew. Blocks that this run did not measure stay as they are."""

    def block(found: re.Match[str]) -> str:
        name = found[2]
        return f"{found[1]}{blocks[name]}\n{found[3]}" if name in blocks else found[0]

    return BLOCK.sub(block, document)


def blocks(lines: Sequence[Line], tables: Mapping[str, Table], circumstances: str) -> dict[str, str]:
    """Every block that a run can write."""
    told = {name: markdown(table) for name, table in tables.items()}
    results = Table(HEADS, tuple(cells(line) for line in lines))
    return {**told, "results": f"{circumstances}\n\n{markdown(results)}"}


def markdown(table: Table) -> str:
    """A table with its note below."""
    rows = [table.heads, tuple("---" for _ in table.heads), *table.rows]
    told = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"{told}\n\n{table.note}" if table.note else told

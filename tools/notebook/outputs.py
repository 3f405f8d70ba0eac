"""What is kept of a run: a chapter's outputs in its own cells, without all that differs by run."""

import re
from collections.abc import Sequence
from copy import deepcopy

from nbformat import NotebookNode

from notebook.reading import RUN_METADATA, RUN_TAGS, VALID_ID, cells_of, tags

# Of the kernel, what does not depend on the machine: no display names, no patch levels.
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "pygments_lexer": "ipython3",
}
# Ids as Jupyter makes them up: the next editor would make up others.
RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?")


def cleaned(nb: NotebookNode) -> NotebookNode:
    """Return a copy of `nb` as it goes into a run: no traces of earlier ones, stable ids."""
    nb = deepcopy(nb)
    nb.cells = [cell for cell in nb.cells if not tags(cell) & RUN_TAGS]
    for holder in (nb, *nb.cells):
        for key in RUN_METADATA:
            holder.metadata.pop(key, None)
    nb.metadata.pop("widgets", None)
    nb.metadata.update(kernelspec=KERNEL, language_info=LANGUAGE)
    nb.nbformat_minor = 5  # the first with cell ids
    give_stable_ids(nb.cells)
    return nb


def give_stable_ids(cells: Sequence[NotebookNode]) -> None:
    """Name each cell whose id is missing, random, invalid or taken after its place."""
    taken: set[str] = set()
    nameless = []
    for place, cell in enumerate(cells, 1):
        name = cell.get("id", "")
        if not VALID_ID.fullmatch(name) or RANDOM_ID.fullmatch(name) or name in taken:
            nameless.append((f"cell-{place:02d}", cell))
        else:
            taken.add(name)
    for name, cell in nameless:
        while name in taken:
            name += "-b"
        cell["id"] = name
        taken.add(name)


def with_outputs(source: NotebookNode, ran: NotebookNode) -> NotebookNode:
    """Return `source` with the outputs of the run, numbered as if nothing had been injected."""
    nb = deepcopy(source)
    own_cells = [cell for cell in ran.cells if not tags(cell) & RUN_TAGS]
    count = 0
    for cell, run_cell in zip(nb.cells, own_cells, strict=True):
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        if run_cell.execution_count is not None:
            cell.execution_count = count = count + 1
        cell.outputs = joined_streams(run_cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = cell.execution_count
    return nb


def joined_streams(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return `outputs` with neighbouring prints as one: where they are cut is up to timing."""
    joined: list[NotebookNode] = []
    for output in outputs:
        name = output.get("name")
        if name and joined and joined[-1].get("name") == name:
            joined[-1].text += output.text
        else:
            joined.append(deepcopy(output))
    return joined


def what_stopped(nb: NotebookNode) -> str | None:
    """Return what kept a notebook from running to its end, or None.

    An error in a cell that is tagged to raise one is none.
    """
    for _, cell in cells_of(nb, "code"):
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in tags(cell):
                return " ".join(f"{output.ename}: {output.evalue}".split())
        if cell.source.strip() and cell.execution_count is None:
            return f"the cell {cell.get('id')} was not run"
    return None

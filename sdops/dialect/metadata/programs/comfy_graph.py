"""ComfyUI's two ways to write a graph, its API's and its editor's, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sdops.dialect.metadata.programs.values import Table, is_table, items
from sdops.profile import load

MOST_NODES = 20_000
MUTED, BYPASSED = 2, 4
"""Modes of a node in the editor (LiteGraph)."""
AFTER_RUN = frozenset({"fixed", "increment", "decrement", "randomize"})
PASS_THROUGH = ("Reroute", "PrimitiveNode")


@dataclass(frozen=True, slots=True)
class Link:
    """An input that another node's output feeds."""

    node: str
    slot: int


Input = Link | object


@dataclass(frozen=True, slots=True)
class Node:
    """One node."""

    kind: str
    inputs: Mapping[str, Input]

    def links(self) -> list[tuple[str, Link]]:
        """The inputs that other nodes feed, with their names."""
        return [(name, value) for name, value in self.inputs.items() if isinstance(value, Link)]


Graph = Mapping[str, Node]


def of_api(table: object) -> Graph | None:
    """The graph that ComfyUI's server was sent (`prompt`); None if it is none."""
    if not is_table(table) or not 0 < len(table) <= MOST_NODES:
        return None
    graph = {}
    for name, row in table.items():
        if not is_table(row) or not isinstance(row.get("class_type"), str):
            continue
        inputs = row.get("inputs")
        read = (
            {key: _link(value, table) for key, value in inputs.items()} if is_table(inputs) else {}
        )
        graph[name] = Node(str(row["class_type"]), read)
    return graph or None


def _link(value: object, table: Table) -> Input:
    cells = items(value)
    if len(cells) == 2 and isinstance(cells[1], int) and str(cells[0]) in table:
        return Link(str(cells[0]), cells[1])
    return value


def of_workflow(table: object) -> Graph | None:
    """The graph as the editor saves it (`workflow`); None if it is none."""
    if not is_table(table) or not 0 < len(items(table.get("nodes"))) <= MOST_NODES:
        return None
    rows = [row for row in items(table.get("nodes")) if is_table(row)]
    links = dict(filter(None, map(_workflow_link, items(table.get("links")))))
    graph = {str(row.get("id")): _workflow_node(row, links) for row in rows
             if row.get("mode") != MUTED}  # fmt: skip
    return graph or None


def _workflow_link(row: object) -> tuple[object, Link] | None:
    cells = items(row)
    if len(cells) >= 5 and isinstance(cells[2], int):
        return cells[0], Link(str(cells[1]), cells[2])
    if is_table(row) and isinstance(row.get("origin_slot"), int):
        return row.get("id"), Link(str(row.get("origin_id")), int(str(row["origin_slot"])))
    return None


def _workflow_node(row: Table, links: Mapping[object, Link]) -> Node:
    kind = str(row.get("type", ""))
    inputs: dict[str, Input] = dict(_widgets(kind, row))
    for slot in items(row.get("inputs")):
        if is_table(slot) and isinstance(slot.get("link"), int) and slot["link"] in links:
            inputs[str(slot.get("name"))] = links[slot["link"]]
    if row.get("mode") == BYPASSED:
        kind = "Reroute"
    return Node(kind, inputs)


def _widgets(kind: str, row: Table) -> dict[str, object]:
    """The values of a node by name: as the node names them, or by the table."""
    values = row.get("widgets_values")
    if is_table(values):
        return dict(values)
    cells = list(items(values))
    named = [
        str(slot["widget"]["name"] if is_table(slot["widget"]) else slot.get("name"))
        for slot in items(row.get("inputs"))
        if is_table(slot) and slot.get("widget")
    ]
    order = orders().get(kind)
    if len(named) < len([cell for cell in cells if cell not in AFTER_RUN]) and order:
        return {name: cell for name, cell in zip(order, cells, strict=False) if name != "-"}
    return _in_order(named, cells)


def _in_order(names: Sequence[str], cells: list[object]) -> dict[str, object]:
    found: dict[str, object] = {}
    place = 0
    for name in names:
        while (
            found
            and place < len(cells)
            and cells[place] in AFTER_RUN
            and len(cells) - place > len(names) - len(found)
        ):
            place += 1
        if place < len(cells):
            found[name] = cells[place]
            place += 1
    return found


@cache
def orders() -> Mapping[str, Sequence[str]]:
    """The widgets' order by the kind of node; a table of `profiles/pictures/comfyui`."""
    return {row["class"]: row["names"] for row in load("pictures/comfyui")["widgets"]}

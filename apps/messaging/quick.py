"""Writing a read template without Liquid's machinery where nothing of it is needed.

Most of a letter is words with names in between and blocks that stand or fall with one name. These
are written straight from the values, thirty times faster than by walking Liquid's tree; whatever
else a template holds is still written by Liquid, node by node, and so is every value that is not
there, so that errors are Liquid's own. A test shows that both ways write the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from liquid import BoundTemplate, RenderContext
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import BooleanExpression, FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.exceptions import OutputStreamLimitError
from liquid.stringify import to_liquid_string

ABSENT = object()


@dataclass(frozen=True, slots=True)
class Place:
    """A name, or a path of names, whose value is printed as it is."""

    names: tuple[str, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """The first block whose name has a value; a block without a name is for all others."""

    blocks: tuple[tuple[tuple[str, ...] | None, "Steps"], ...]
    node: Node


Steps = tuple[str | Place | Choice | Node, ...]


class Quick:
    """A template that was read, as steps."""

    def __init__(self, template: BoundTemplate) -> None:
        self.template = template
        # Names that a template makes itself, and jumps, are Liquid's business as a whole.
        is_plain = all(isinstance(node, KNOWN) for node in every(template.nodes, template))
        self.steps = steps_of(template.nodes) if is_plain else None

    def render(self, values: Mapping[str, Any]) -> str:
        """Fill the template. Raises what Liquid raises."""
        if self.steps is None:
            text: str = self.template.render(values)
            return text
        return Run(self.template, values).write(self.steps)


KNOWN = (BlockNode, ContentNode, ForNode, IfNode, OutputNode)


def every(nodes: Iterable[Node], template: BoundTemplate) -> Iterable[Node]:
    for node in nodes:
        yield node
        yield from every(node.children(RenderContext(template)), template)


def steps_of(nodes: Iterable[Node]) -> Steps:
    return tuple(step_of(node) for node in nodes)


def step_of(node: Node) -> str | Place | Choice | Node:
    if isinstance(node, ContentNode):
        return node.text
    if isinstance(node, OutputNode) and isinstance(node.expression, FilteredExpression):
        names = names_of(node.expression.left)
        return Place(names, node) if names and not node.expression.filters else node
    return choice_of(node) if isinstance(node, IfNode) else node


def choice_of(node: IfNode) -> Choice | Node:
    conditions = [node.condition, *(each.expression for each in node.alternatives)]
    names = [
        names_of(each.expression) if isinstance(each, BooleanExpression) else None
        for each in conditions
    ]
    if not all(names):
        return node
    blocks = [node.consequence, *(each.block for each in node.alternatives)]
    if node.default is not None:
        names, blocks = [*names, None], [*blocks, node.default]
    return Choice(
        tuple((name, inside(block)) for name, block in zip(names, blocks, strict=True)), node
    )


def inside(block: BlockNode) -> Steps:
    """Return the steps of a block; Liquid prints nothing of one that holds only blanks."""
    return () if block.blank else steps_of(block.nodes)


def names_of(expression: object) -> tuple[str, ...] | None:
    if isinstance(expression, Path) and all(type(each) is str for each in expression.path):
        return tuple(expression.path)  # type: ignore[arg-type]
    return None


class Run:
    """One writing of a template."""

    def __init__(self, template: BoundTemplate, values: Mapping[str, Any]) -> None:
        self.template = template
        self.values = values
        self.escapes = bool(template.env.autoescape)
        self.room = template.env.output_stream_limit or 0
        self.context: RenderContext | None = None
        self.parts: list[str] = []

    def write(self, steps: Steps) -> str:
        self.add(steps)
        text = "".join(self.parts)
        if len(text) > (self.template.env.output_stream_limit or 0):
            raise OutputStreamLimitError("output stream limit reached", token=None)
        return text

    def add(self, steps: Steps) -> None:
        add, values, escapes = self.parts.append, self.values, self.escapes
        for step in steps:
            if type(step) is str:
                add(step)
            elif type(step) is Place:
                found = find(step.names, values)
                if found is ABSENT:
                    self.add_slowly(step.node)
                else:
                    add(to_liquid_string(found, escapes))
            elif type(step) is Choice:
                self.add(self.chosen(step))
            else:
                self.add_slowly(step)  # type: ignore[arg-type]

    def chosen(self, choice: Choice) -> Steps:
        for names, steps in choice.blocks:
            if names is None:
                return steps
            found = find(names, self.values)
            if found is not ABSENT and found is not None and found is not False:
                return steps
            if found is ABSENT and len(names) > 1:
                return (choice.node,)
        return ()

    def add_slowly(self, node: Node) -> None:
        """Let Liquid write a node; all of them together write no more than a template may."""
        if self.context is None:
            self.context = RenderContext(self.template, globals=self.values)
        buffer = self.template._get_buffer()  # noqa: SLF001 (the buffer that counts)
        node.render(self.context, buffer)
        text = buffer.getvalue()
        self.room -= len(text)
        if self.room < 0:
            raise OutputStreamLimitError("output stream limit reached", token=None)
        self.parts.append(text)


def find(names: tuple[str, ...], values: Mapping[str, Any]) -> Any:
    """Return the value at a path of names; ABSENT where Liquid has to look."""
    found: Any = values
    for name in names:
        if type(found) is not dict or name not in found:
            return ABSENT
        found = found[name]
    return found

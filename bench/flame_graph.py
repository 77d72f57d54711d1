"""Samples of ``perf script`` as folded stacks and as an SVG that a browser shows."""

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape

WIDTH, ROW, LEAST = 1200, 16, 0.004
Stack = tuple[str, ...]
FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<symbol>.+) \((?P<where>[^()]*)\)$")


def short(symbol: str, where: str) -> str:
    """A name without parameters and offsets; what has none is called after its library."""
    name = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
    name = re.sub(r"<.*>", "<>", name.replace("(anonymous namespace)::", ""))
    name = name.split("(")[0].removeprefix("mlops::").strip()
    return f"[{where.rsplit('/', 1)[-1]}]" if name in {"", "[unknown]"} else name


def folded(script: str) -> Counter[Stack]:
    """Callers first."""
    stacks: Counter[Stack] = Counter()
    for sample in script.split("\n\n"):
        frames = [FRAME.match(line) for line in sample.splitlines()]
        names = [short(f["symbol"], f["where"]) for f in frames if f is not None]
        if names:
            stacks[tuple(reversed(names))] += 1
    return stacks


def own_share(stacks: Counter[Stack]) -> list[tuple[str, float]]:
    """Where samples ended, most first."""
    total = sum(stacks.values())
    leaves: Counter[str] = Counter()
    for stack, count in stacks.items():
        leaves[stack[-1]] += count
    return [(name, count / total) for name, count in leaves.most_common()]


@dataclass
class Node:
    count: int = 0
    children: dict[str, "Node"] = field(default_factory=dict)


def tree(stacks: Counter[Stack]) -> Node:
    root = Node()
    for stack, count in stacks.items():
        root.count += count
        at = root
        for name in stack:
            at = at.children.setdefault(name, Node())
            at.count += count
    return root


def colour(name: str) -> str:
    """C++ is warm, what has no name grey, C and the kernel blue."""
    if name.startswith("["):
        return "#c8c8c8"
    return "#e8b06a" if "::" in name else "#9ec5e8"


def boxes(node: Node, left: float, depth: int, total: int, out: list[tuple]) -> None:
    for name, child in sorted(node.children.items()):
        width = child.count / total
        if width >= LEAST:
            out.append((name, left, depth, width))
            boxes(child, left, depth + 1, total, out)
        left += width


def svg(stacks: Counter[Stack], title: str) -> str:
    root = tree(stacks)
    found: list[tuple] = []
    boxes(root, 0.0, 0, max(root.count, 1), found)
    height = ROW * (2 + max((depth for _, _, depth, _ in found), default=0) + 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="monospace" font-size="11"><text x="4" y="12">{escape(title)}, '
        f"{root.count} samples</text>"
    ]
    for name, left, depth, share in found:
        x, width, y = left * WIDTH, share * WIDTH, height - ROW * (depth + 1)
        text = escape(name[: int(width / 6.8)]) if width > 25 else ""
        lines.append(
            f'<g><title>{escape(name)} {share:.1%}</title><rect x="{x:.1f}" y="{y}" '
            f'width="{width:.1f}" height="{ROW - 1}" fill="{colour(name)}"/>'
            f'<text x="{x + 2:.1f}" y="{y + 11}">{text}</text></g>'
        )
    return "\n".join([*lines, "</svg>\n"])

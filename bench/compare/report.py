"""The documents of run.py as Markdown: a peer, and this engine measured in turns with it."""

from pathlib import Path
from statistics import median

from mlops_engine.bench import table
from mlops_engine.bench.result import Cell, Document, Repeat

HEAD = "| model | server, protocol | in flight | requests/s | p50 | p99 | CPU µs/request "
HEAD += "| ours: requests/s | p50 | p99 | CPU | times (lowest..highest) | notes |"


def quantile(cell: Cell, q: float) -> str:
    found = cell.quantile_ns(q)
    return "-" if found is None else f"{found.median * 1e-3:,.0f}"


def figures(cell: Cell) -> list[str]:
    def cpu_us(repeat: Repeat) -> float | None:
        return repeat.server_cpu_us_per_request

    rate, cpu = cell.spread(lambda repeat: repeat.throughput_per_s), cell.spread(cpu_us)
    head = ["-" if rate is None else f"{rate.median:,.0f}"]
    tail = ["-" if cpu is None else f"{cpu.median:.1f}"]
    return [*head, quantile(cell, 0.5), quantile(cell, 0.99), *tail]


def times(ours: Cell, theirs: Cell) -> str:
    """How many times their throughput ours is, round by round."""
    pairs = zip(ours.repeats, theirs.repeats, strict=True)
    ratios = [a.throughput_per_s / b.throughput_per_s for a, b in pairs if b.completed]
    if not ratios:
        return "they answered nothing"
    return f"{median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"


def notes(ours: Cell, theirs: Cell) -> str:
    said = [f"theirs: {note}" for note in table.notes(theirs)]
    return ", ".join(said + [f"ours: {note}" for note in table.notes(ours)])


def rows(document: Document) -> list[str]:
    found = {(cell.variant, cell.load): cell for cell in document.cells}
    lines = []
    for cell in document.cells:
        server, _, protocol = cell.variant.partition(" ")
        if server == "mlops":
            continue
        ours = found[f"mlops {protocol}".strip(), cell.load]
        words = [cell.model, cell.variant, cell.load, *figures(cell), *figures(ours)]
        lines.append("| " + " | ".join([*words, times(ours, cell), notes(ours, cell)]) + " |")
    return lines


def report(folder: Path) -> None:
    documents = [(file.stem, Document.load(file)) for file in sorted(folder.glob("*.json"))]
    for placement in ("split", "shared"):
        chosen = [d for stem, d in documents if f"-{placement}-" in stem]
        if chosen:
            print(f"\n{placement}\n\n{HEAD}\n|{'---|' * (HEAD.count('|') - 1)}")
            print("\n".join(line for document in chosen for line in rows(document)), flush=True)

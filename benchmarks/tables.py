"""What was measured, as tables to read, with what it had to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs import Job
from measuring import Figures


def table(database: str, models: int, jobs: Sequence[Job], figures: Figures, *, targeted: bool) -> tuple[str, bool]:
    """Return one size's table, and whether a target was missed.

    Args:
        database: Which kind.
        models: How many.
        jobs: The rows.
        figures: What was measured.
        targeted: Whether the targets are for this size.
    """
    lines = [f"\n{database}, {models:,} models\n", "| work | Herdbook, us | MLflow, us | ratio | target | |"]
    lines.append("|---|---|---|---|---|---|")
    missed = False
    for job in jobs:
        figure = figures[models, job.name]
        target = job.targets.get(database) if targeted else None
        late = target is not None and figure.ratio < target
        missed |= late
        wanted = "- | " if target is None else f"{target:g}x | {'missed' if late else 'reached'}"
        lines.append(f"| {job.name} | {figure.mine:.0f} | {figure.theirs:,.0f} | {figure.ratio:.1f}x | {wanted} |")
    return "\n".join(lines) + "\n", missed


def flatness(
    database: str, sizes: Sequence[int], jobs: Mapping[int, Sequence[Job]], figures: Figures
) -> tuple[str, bool]:
    """Return how each side grows from the size before the greatest to the greatest, and whether ours does too much."""
    less, most = sizes[-2:]
    lines = [f"{database}, {most:,} models against {less:,}\n", "| work | Herdbook | MLflow | target | |"]
    lines.append("|---|---|---|---|---|")
    missed = False
    for job in jobs[most]:
        small, great = figures[less, job.name], figures[most, job.name]
        mine, theirs = great.mine / small.mine, great.theirs / small.theirs
        target = job.flat if database == "sqlite" else None
        late = target is not None and mine > target
        missed |= late
        wanted = "- | " if target is None else f"{target:g}x | {'missed' if late else 'reached'}"
        lines.append(f"| {job.name} | {mine:.2f}x | {theirs:.2f}x | {wanted} |")
    return "\n".join(lines) + "\n", missed

"""The record that a run would have left with a smaller budget, from the record alone.

A record holds every improvement with its cost, so what had been found within a smaller budget is
known, and exact for a solver that does not look at its budget. Three things are not in the record:

- the point of an improvement that was improved upon later: the cut record has none then;
- how many evaluations and how many gradients were spent between two improvements: where both were,
  they are taken to have alternated evenly;
- whether evaluations that did not fit into the budget one by one were asked for together: a batch
  with gradients through `problem.loss` is evaluated whole or not at all, so a run with the smaller
  budget may end up to one batch earlier.
"""

from __future__ import annotations

from dataclasses import replace

from synthgym.errors import RecordError
from synthgym.leaderboard.record import Final, Record
from synthgym.tasks import GRADIENT_COST, Improvement


def cut_record(record: Record, budget: int) -> Record:
    """What a run had come to within a smaller budget.

    Args:
        record: a run with a budget.
        budget: cost units, at least 1 and at most those of the run.

    Returns:
        The record itself where the budget is that of the run; else a record with this budget, and
        the former one in `header.cut_from`.

    Raises:
        RecordError: the run had no budget, or a smaller one.
    """
    header, final = record.header, record.final
    if header.budget is None or not 1 <= budget <= header.budget:
        raise RecordError(
            f"{record.run_id} had a budget of {header.budget or 'none'}; it cannot be cut at "
            f"{budget}, but at whole numbers from 1 to its budget"
        )
    if budget == header.budget:
        return record
    cut_header = replace(header, budget=budget, cut_from=header.cut_from or header.budget)
    if record.cost <= budget:
        # The run was over by then; one that stopped by itself just there would have spent it all.
        spent_it = final.status == "finished" and record.cost == budget
        end = replace(final, status="budget") if spent_it else final
        return Record(cut_header, record.improvements, end)
    kept = tuple(one for one in record.improvements if one.cost <= budget)
    is_last = len(kept) == len(record.improvements)
    n_evaluations, n_gradients, wall_s = _counts_at(record, len(kept), budget)
    end = Final(
        status="budget",
        x=final.x if is_last else None,
        distance_db=kept[-1].distance_db if kept else float("inf"),
        n_evaluations=n_evaluations,
        n_gradients=n_gradients,
        wall_s=wall_s,
        message=f"cut at a budget of {budget}",
        budget_seen=final.budget_seen,
    )
    return Record(cut_header, kept, end)


def _counts_at(record: Record, n_kept: int, budget: int) -> tuple[int, int, float]:
    """Counters and time at the cost `budget`, between the last improvement kept and what follows.

    Exact where nothing but evaluations, or nothing but gradients, lies between the two.
    """
    final = record.final
    end = Improvement(final.n_evaluations, final.n_gradients, final.wall_s, final.distance_db)
    before = record.improvements[n_kept - 1] if n_kept else Improvement(0, 0, 0.0, float("inf"))
    after = record.improvements[n_kept] if n_kept < len(record.improvements) else end
    left = budget - before.cost
    share = left / (after.cost - before.cost)
    more_gradients = after.n_gradients - before.n_gradients
    if after.n_evaluations == before.n_evaluations:
        gradients = left // GRADIENT_COST
    else:
        gradients = int(share * more_gradients)
    evaluations = min(left - GRADIENT_COST * gradients, after.n_evaluations - before.n_evaluations)
    wall_s = round(before.wall_s + share * (after.wall_s - before.wall_s), 6)
    return before.n_evaluations + evaluations, before.n_gradients + gradients, wall_s

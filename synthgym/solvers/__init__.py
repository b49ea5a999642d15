"""The solver protocol, how solvers are found, and the loop that runs one on a problem.

A solver is a class, made as `Solver(dimension, seed)`, with a class attribute `name` and one of

- `ask() -> X` and `tell(X, values)`: the loop evaluates. `X` has shape (n, d), or (d,) for one
  point; `tell` gets `X` back with values of shape (n,), or a float for one point. With
  `wants_gradients = True` the loop evaluates gradients and calls `tell(X, values, gradients)`,
  gradients shaped like `X`. An empty `X` says that the solver is finished.
- `solve(problem)`: the solver calls the problem itself, and returns when it is finished. The
  problem ends the run by raising `RunOver`; a solver need not catch it.

Optional class attributes: `track` (`"search"`, the default, or `"amortized"`), `settings` (a
mapping of JSON values for the record), `needs` (the extra of synthgym it depends on),
`runs_by_default` (False: a benchmark runs it only where it is named). Nothing is inherited or
registered: a file with such a class is enough (`my_solver.py:MySolver`).
"""

from synthgym.solvers.loading import SolverFactory, load_solver, solver_names
from synthgym.solvers.loop import Outcome, OutcomeStatus, run_solver
from synthgym.solvers.protocol import (
    SOLVER_NAME,
    AskTellSolver,
    DrivingSolver,
    GradientAskTellSolver,
    Solver,
    Track,
    solver_seed,
)
from synthgym.solvers.sources import SourceDigests

__all__ = [
    "SOLVER_NAME",
    "AskTellSolver",
    "DrivingSolver",
    "GradientAskTellSolver",
    "Outcome",
    "OutcomeStatus",
    "Solver",
    "SolverFactory",
    "SourceDigests",
    "Track",
    "load_solver",
    "run_solver",
    "solver_names",
    "solver_seed",
]

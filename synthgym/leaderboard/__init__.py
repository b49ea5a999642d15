"""Runs of solvers on tasks: records that survive, scores, verification, reports."""

"""Baselines: one readable file per solver, written only against synthgym's public API.

Nothing in `synthgym` imports this package. It is found by the entry points in `pyproject.toml`,
the same way a package of your own would be, so each file here is also a template for yours.
"""

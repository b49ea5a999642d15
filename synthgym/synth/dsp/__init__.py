"""Pure functions on signals `(batch, n_samples)` in physical units; they know no range or patch."""

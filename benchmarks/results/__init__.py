"""Reference results: the packed records in `suite-<version>/`, installed as `synthgym.results`."""

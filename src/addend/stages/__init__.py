"""The verbs, one for each node of the DAG: the only place where mathematics meets files. Paths are in `places`."""

"""What a person runs that is no node of the DAG."""

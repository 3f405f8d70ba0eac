"""What a reader sees: figures, controls, tables of results."""

"""Data: IDX files, data sets by name, own pictures, scenes."""

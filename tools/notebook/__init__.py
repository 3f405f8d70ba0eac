"""What the notebook tools share: reading, rules, outputs."""

"""Training: batches, losses, metrics, the loop, checkpoints."""

#!/usr/bin/env bash
# Runs once, when the container is made: the environment that `make` would make, but with PyTorch
# for the CPU alone, a fraction of the usual one's size. MNIST comes with the first run that asks.
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m pip install --quiet "uv>=0.8"
python3 -m uv venv --quiet --allow-existing --seed --python "$(command -v python3)" .venv
export UV_PYTHON=.venv
backend=${TORCH_BACKEND-cpu} # empty: the usual PyTorch
python3 -m uv pip install ${backend:+"--torch-backend=$backend"} --requirement requirements.txt
python3 -m uv pip install --no-deps --editable .
touch .venv/.ready

"""What Ringback costs, measured through its control socket: `python -m scripts.bench`."""

"""Programs around the engine, which they reach through the control socket only."""

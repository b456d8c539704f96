"""Who or what has answered a call, and what follows."""

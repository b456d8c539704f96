"""The load peer: hundreds of agents and customers in one cheap process."""

"""The load peer: hundreds of operators and customers in one cheap process."""

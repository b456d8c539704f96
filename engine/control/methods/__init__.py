"""The methods of the control protocol, one file for each namespace.

Each file checks parameters, calls the part that does the work, and shapes the reply.
"""

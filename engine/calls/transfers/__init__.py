"""Transfers: how one of two who talk is connected with somebody else.

The engine calls the third party itself, asks a phone to do that, or puts a customer in a queue.
"""

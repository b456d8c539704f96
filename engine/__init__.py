"""The engine decides: who is called when, who is offered to whom, and what is published of it.

From the bottom up: `store`, `routing`, `reports`, `acd`, `calls`, `callbacks`, `inbound`,
`webhooks`, `control`, then `daemon`, which builds them all, and `cli`.
"""

"""Supervision: a third person listens to a call, whispers to its agent, or talks with both.

What each supervisor hears and says is in `supervisors`; how they are rung is in `supervisor_desk`.
"""

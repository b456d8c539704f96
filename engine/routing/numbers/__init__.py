"""Telephone numbers: what is one, how it is read and spelt, which are short or for emergencies.

`number_plan` is the only place that turns a text into a number. Every policy asks it.
"""

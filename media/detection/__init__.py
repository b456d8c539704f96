"""Who or what has answered: a person, a mailbox, a menu, a fax, by the sound of the line.

No socket and no clock: sound and the time go in, verdicts come out.
"""

"""Who or what has answered a call, and what follows.

`answer_policy` says what is asked for, `answer_watch` waits for the verdict of a leg, and
`answer_words` is what a recogniser makes of it.
"""

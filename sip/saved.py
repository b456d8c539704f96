"""What is kept of a session, so that a later process can end it in the place of this one.

The owner writes it down whenever `UserAgent.take_saves` returns it, and hands it to
`UserAgent.restore` of the next process. The texts are such that JSON can hold them: bytes that are
no UTF-8 are kept as Latin-1 characters (`dialog.saving` converts).
"""

from __future__ import annotations

import msgspec

from .hop import Hop


class SavedDialog(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One dialog, early or confirmed. The members are those of Dialog."""

    local: str
    remote: str
    remote_tag: str
    target: str
    hop: Hop
    fallback_hop: Hop
    local_cseq: int = 0
    remote_cseq: int | None = None
    routes: list[str] = []


class SavedInvite(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An INVITE that has no final response yet, or whose 2xx waits for its ACK.

    `head` is the start line and what other messages repeat of its header fields. `answer` is our
    2xx, whole.
    """

    head: str
    hop: Hop
    answer: str = ""


class SavedSession(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One session. `is_ours` says that we sent the INVITE.

    `account` is the name under which the owner finds the credentials for challenges of the peer;
    the credentials themselves are not kept. A session has `dialog` once its 2xx was acknowledged,
    and `invite` before. `early` are the dialogs that provisional responses to our INVITE began.
    """

    call_id: str
    local_tag: str
    is_ours: bool
    account: str = ""
    dialog: SavedDialog | None = None
    early: list[SavedDialog] = []
    invite: SavedInvite | None = None

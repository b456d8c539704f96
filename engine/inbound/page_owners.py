"""Whose a job or the call of a page is: which client has asked for it, and for which site."""

from collections.abc import Container
from typing import TYPE_CHECKING, Final

import msgspec

from ..callbacks.intake import Intake, Owner
from ..errors import EngineError
from ..webrtc.page_tokens import PageCall, PageCalls

if TYPE_CHECKING:
    from ..store.store import Store

PAGE_CALL: Final = "page_call"


class PageOwner(msgspec.Struct, kw_only=True):
    """Who has admitted the visitor of a page. Nothing of it is about the visitor."""

    requested_by: str | None
    site: str
    begun: float


class PageOwners:
    """The owners of calls that pages have begun, in the store: as long as there are their records.

    A call to which its client gave no id is nobody's. `calls` are those that are up, by id.
    """

    def __init__(
        self, store: "Store", intake: Intake, pages: PageCalls, calls: Container[str]
    ) -> None:
        self._store = store
        self._intake = intake
        self._pages = pages
        self._calls = calls

    def add(self, page: PageCall, now: float) -> None:
        """A page begins its call."""
        if page.call:
            owner = PageOwner(requested_by=page.requested_by, site=page.site, begun=now)
            self._store.put(PAGE_CALL, page.call, owner)

    def owner_of(self, id: str) -> Owner | None:
        """Whose the job, the request or the call of this id is; None where there is none.

        Raises StoreError.
        """
        owner = self._intake.owner_of(id)
        if owner is not None:
            return owner
        found = self._store.document(PAGE_CALL, id, PageOwner)
        return None if found is None else Owner(found.requested_by, found.site)

    async def check_new(self, id: str) -> None:
        """Check that no job and no call has this id. Raises EngineError `conflict`, StoreError."""
        is_known = await self._intake.known(id) is not None or bool(
            await self._store.query("SELECT 1 FROM records WHERE id = ?", (id,))
        )
        # From here to the token nothing awaits.
        if is_known or id in self._calls or self.owner_of(id) or self._pages.has_call(id):
            reason = f"there is a callback or call {id} already"
            raise EngineError("conflict", reason, field="id")

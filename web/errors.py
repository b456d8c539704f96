"""Why the gateway refuses a request: a reason for the page, a sentence for the visitor."""


class Refusal(Exception):
    """A request that is refused with an HTTP status.

    `reason` is a word for programs, and the key of the sentence in web/texts. `retry_after_s` says
    after how many seconds it may work, `opens_at` when the site opens (Unix seconds).
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        field: str = "",
        retry_after_s: float | None = None,
        opens_at: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field
        self.retry_after_s = retry_after_s
        self.opens_at = opens_at

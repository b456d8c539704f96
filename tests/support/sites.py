"""[[sites]] of tests."""

from typing import Any

from config.sites import Site


def site(**more: Any) -> Site:
    """A site with a queue, unless given otherwise."""
    given: dict[str, Any] = {
        "key": "shop-key", "name": "shop.example", "origins": ["https://shop.example"],
        "queue": "sales",
    }  # fmt: skip
    return Site(**(given | more))

"""The packages of the wheel: all rooms and the client, in one folder `ringback/`.

See docs/decisions/150-one-folder-installed.md. Everything else stands in pyproject.toml.
"""

from setuptools import find_packages, setup

ROOMS = ("config", "engine", "media", "sip", "web")
CLIENT = "ringback_client"

rooms = find_packages(include=[f"{room}{rest}" for room in ROOMS for rest in ("", ".*")])

setup(
    packages=["ringback", f"ringback.{CLIENT}", *(f"ringback.{name}" for name in rooms)],
    package_dir={
        "ringback": "ringback",
        f"ringback.{CLIENT}": f"clients/python/{CLIENT}",
        **{f"ringback.{room}": room for room in ROOMS},
    },
    package_data={
        "ringback.config": ["ringback.toml"],
        "ringback.web": ["texts/*.toml", "static/*"],
        f"ringback.{CLIENT}": ["py.typed"],
    },
)

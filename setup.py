"""The packages of the wheel: all rooms and the client, in one folder `ringback/`.

See docs/decisions/150-one-folder-installed.md. Everything else stands in pyproject.toml. The loop
of the relay is in C as well: where that cannot be compiled, the one in Python runs.
"""

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOMS = ("config", "engine", "media", "sip", "web")
CLIENT = "ringback_client"

RELAY = Extension(
    "ringback.media.relay.native",
    ["media/relay/native.c", "media/relay/rtp_relay.c", "media/relay/tone_gate.c"],
    depends=["media/relay/rtp_relay.h", "media/relay/tone_gate.h"],
    extra_compile_args=["-O2", "-std=gnu11", "-pthread", "-Wall", "-Wextra", "-Werror"],
    extra_link_args=["-pthread"],
    libraries=["m"],
    optional=True,
)
NOT_COMPILED = """the relay was not compiled.
    {reason}
Ringback works all the same, with a relay in Python that takes twice the processor. For the compiled
one, install a C compiler and the headers of Python (on Debian: gcc, python3-dev), then this again.
"""


class BuildRelay(build_ext):
    """Says in words what it means that the relay cannot be compiled."""

    def build_extension(self, ext: Extension) -> None:
        try:
            super().build_extension(ext)
        except Exception as error:
            self.warn(NOT_COMPILED.format(reason=error))
            raise


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
    ext_modules=[RELAY],
    cmdclass={"build_ext": BuildRelay},
)

"""The former place of the client, kept for one release.

Use the package `ringback_client`: importing this one warns.
"""

import warnings

from ringback_client import ENDED as ENDED
from ringback_client import Client as Client
from ringback_client import ClientError as ClientError
from ringback_client import ConnectionLost as ConnectionLost
from ringback_client import EngineError as EngineError
from ringback_client import Event as Event
from ringback_client import EventStream as EventStream
from ringback_client import NoEngine as NoEngine
from ringback_client import NoReply as NoReply
from ringback_client import RequestRejected as RequestRejected

warnings.warn(
    "engine.client is now ringback_client: pip install ringback-client",
    DeprecationWarning,
    stacklevel=2,
)

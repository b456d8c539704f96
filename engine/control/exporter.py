"""Metrics, tied to the daemon: what is counted, what is read, and where Prometheus asks for it."""

import asyncio
from typing import TYPE_CHECKING

from config.values import split_host_port

from .gauges import Gauges
from .metrics import CONTENT_TYPE_LATEST, Metrics
from .metrics_server import MetricsServer

if TYPE_CHECKING:
    from ..daemon import Daemon
    from ..reports.cdr_writer import CdrWriter


class Exporter:
    """The figures of one engine, at `metrics.listen`."""

    def __init__(self, daemon: "Daemon", records: "CdrWriter") -> None:
        self._settings = daemon.settings
        self._metrics = Metrics()
        self._gauges = Gauges(daemon)
        self.server = MetricsServer(self.text, CONTENT_TYPE_LATEST)
        daemon.events.watch(self._metrics.watch)
        records.on_stay.append(self._metrics.on_stay)
        records.on_record.append(self._metrics.on_record)

    async def start(self) -> None:
        """Begin to serve. Raises ConfigError where the address cannot be had."""
        host, port = split_host_port(self._settings.metrics.listen)
        try:
            await self.server.start(host, port)
        except OSError as error:
            reason = f"{host}:{port}: {error.strerror or error}"
            raise self._settings.error("metrics.listen", reason) from error
        self._gauges.loop_delay.start()

    async def stop(self) -> None:
        """Serve no more."""
        self._gauges.loop_delay.stop()
        await self.server.stop()

    async def text(self) -> bytes:
        """Everything, as Prometheus reads it. It is made in a thread of its own."""
        figures = [*self._metrics.totals(), *await self._gauges.read()]
        return await asyncio.to_thread(self._metrics.text, figures)

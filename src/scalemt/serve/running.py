"""Runs the server by uvicorn, until it is told to end."""

from __future__ import annotations

import ipaddress
import logging
import resource
import signal
import socket
from contextlib import suppress
from types import FrameType

import uvicorn

from scalemt.errors import ConfigurationError, ScalemtError, UsageError
from scalemt.serve.app import build
from scalemt.serve.doorkeeper import Doorkeeper, guarded
from scalemt.serve.settings import ServeSettings

logger = logging.getLogger("scalemt.serve")

_SENDING = 128 * 1024  # bytes that the system holds of what is sent; Linux doubles it
_SPARE_FILES = 200  # descriptors beside those of connections: models, databases, pipes


def require_safe(settings: ServeSettings, *, open_to_all: bool) -> None:
    """Refuse to serve everybody in the network without keys, unless somebody says so.

    Raises:
        ConfigurationError: the address is no loopback, there is no key file, and nobody said so.
    """
    if settings.key_file is None and not open_to_all and not _is_loopback(settings.host):
        raise ConfigurationError(
            f"{settings.host} can be reached from elsewhere, and anybody could use the server. Make a key "
            "(scalemt keys add NAME --key-file keys.json) and give --key-file keys.json; or say --open."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def run(settings: ServeSettings) -> int:
    """Serve until SIGINT or SIGTERM; what is under way is answered first, for as long as the grace lasts.

    Returns:
        The exit code: 0, or 1 where workers cannot live here.

    Raises:
        UsageError: the address cannot be had; keys, glossaries, the state folder or a profile cannot be used.
    """
    with _listening(settings) as door:
        host, port = door.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        names = ", ".join(settings.profiles)
        server = Server(settings)
        logger.info("serving %s at http://%s:%d with %d workers", names, shown, port, settings.worker_count)
        server.run(sockets=[door])
    if isinstance(server.fault, UsageError):
        raise server.fault
    if server.fault:
        logger.error("%s", server.fault)
    return 1 if server.fault or not server.started else 0


def _listening(settings: ServeSettings) -> socket.socket:
    address = (settings.host, settings.port)
    try:
        door = socket.create_server(address, family=_family(settings.host), backlog=1024)
        # Of each connection: the system would let an answer that nobody reads grow to megabytes there.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING)
        return door
    except (OSError, OverflowError) as fault:
        raise ConfigurationError(
            f"The server cannot listen at port {settings.port} of {settings.host}: "
            f"{getattr(fault, 'strerror', None) or fault}. Choose another by --port, or end what listens there."
        ) from None


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except (socket.gaierror, UnicodeError):
        raise ConfigurationError(f"{host} is no address of this machine. Give one, such as 127.0.0.1.") from None


class Server(uvicorn.Server):
    """uvicorn's server, which a signal ends without killing it, and which ends where nothing can be served.

    Args:
        settings: what is served.

    Attributes:
        fault: why it ended.
    """

    def __init__(self, settings: ServeSettings) -> None:
        capacity = settings.capacity
        _allow_files(capacity.connections + _SPARE_FILES)
        keeper = Doorkeeper(capacity)
        application = build(settings, self.give_up)
        application.meters.gauge("connections", "Connections that are open.", lambda: keeper.count)
        application.meters.counter("connections_ended", "Connections of slow clients.", lambda: keeper.ended)
        self.fault: ScalemtError | None = None
        super().__init__(
            uvicorn.Config(
                application,
                host=settings.host,
                port=settings.port,
                http=guarded(keeper),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                lifespan="on",
                timeout_keep_alive=max(1, round(capacity.idle)),
                timeout_graceful_shutdown=round(capacity.grace),
                backlog=1024,
            )
        )

    def give_up(self, fault: ScalemtError) -> None:
        """End, as there is nothing that could be served."""
        self.fault = self.fault or fault
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in peace; at the second Ctrl-C at once."""
        # uvicorn raises the signal again when all is done: the exit code would tell of a death.
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def _allow_files(count: int) -> None:
    """Allow as many open files as connections need, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

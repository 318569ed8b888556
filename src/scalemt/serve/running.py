"""Runs the server by uvicorn, until it is told to end."""

from __future__ import annotations

import ipaddress
import logging
import resource
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from scalemt.errors import ConfigurationError
from scalemt.serve.app import build
from scalemt.serve.settings import ServeSettings

if TYPE_CHECKING:
    from uvicorn.config import HTTPProtocolType

logger = logging.getLogger("scalemt.serve")

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
        The exit code: 0, or 1 where the address cannot be had.

    Raises:
        UsageError: keys, glossaries or the state folder cannot be used.
        ConfigurationError: the address is taken.
    """
    with socket.create_server((settings.host, settings.port), family=_family(settings.host), backlog=1024) as door:
        host, port = door.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        names = ", ".join(settings.profiles)
        logger.info("serving %s at http://%s:%d with %d workers", names, shown, port, settings.worker_count)
        server = server_of(settings)
        server.run(sockets=[door])
        return 0 if server.started else 1


def _family(host: str) -> socket.AddressFamily:
    try:
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except socket.gaierror:
        raise ConfigurationError(f"{host} is no address of this machine. Give one, such as 127.0.0.1.") from None


def server_of(settings: ServeSettings) -> uvicorn.Server:
    """Return the server, ready to run."""
    capacity = settings.capacity
    _allow_files(capacity.connections + _SPARE_FILES)
    return uvicorn.Server(
        uvicorn.Config(
            build(settings),
            host=settings.host,
            port=settings.port,
            http=_protocol(),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            lifespan="on",
            limit_concurrency=capacity.connections,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=round(capacity.grace),
            backlog=1024,
        )
    )


def _protocol() -> HTTPProtocolType:
    return "auto"


def _allow_files(count: int) -> None:
    """Allow as many open files as connections need, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

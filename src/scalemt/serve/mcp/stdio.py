"""The tools over standard input and output, for a program on the same machine that starts this one."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from dataclasses import replace
from typing import Any

from mcp.server.stdio import stdio_server

from scalemt.errors import ScalemtError
from scalemt.serve.keys import ANONYMOUS, SCOPES, Caller
from scalemt.serve.mcp.server import build
from scalemt.serve.service import Service
from scalemt.serve.settings import Limits, ServeSettings

logger = logging.getLogger("scalemt.serve.mcp")

_UNLIMITED = Limits(characters=0, texts=0, per_minute=0, characters_per_minute=0, concurrent=0, monthly=0)
# Whoever started this process is the user of this machine, who could translate anything without it.
_OWNER = Caller(ANONYMOUS, frozenset(SCOPES), _UNLIMITED)


def run(settings: ServeSettings) -> int:
    """Serve until standard input ends, or until SIGINT or SIGTERM, or as long as a worker can serve at all.

    Returns:
        The exit code, 0; where standard input is still open the process ends here, with 130, 143 or 2.

    Raises:
        UsageError: glossaries or the state folder cannot be used.
    """
    asyncio.run(_serve(replace(settings, key_file=None)))
    return 0


async def _serve(settings: ServeSettings) -> None:
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _tell, told, 128 + number)

    def give_up(fault: ScalemtError) -> None:
        logger.error("%s", fault)
        _tell(told, 2)

    service = Service(settings, give_up)
    server = build(service, lambda _: _OWNER)
    try:
        # From here on nothing but the protocol goes out: descriptor 1 is standard error, also for the workers.
        async with stdio_server() as (incoming, outgoing):
            # Documents are left to the server that they were sent to.
            await service.scheduler.crew.start()
            serving = asyncio.ensure_future(server.run(incoming, outgoing, server.create_initialization_options()))
            ends: set[asyncio.Future[Any]] = {serving, told}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                await _leave(service, told.result())
            await serving
    except* (BrokenPipeError, ConnectionResetError):
        logger.warning("nobody reads what is answered; this is the end")
    finally:
        await service.close()


def _tell(told: asyncio.Future[int], code: int) -> None:
    if not told.done():
        told.set_result(code)


async def _leave(service: Service, code: int) -> None:
    """End the process without waiting for the thread that reads standard input."""
    await service.close()
    sys.stderr.flush()
    # That thread cannot be woken up: it sits in a read that ends with the next line.
    os._exit(code)

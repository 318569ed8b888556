"""uvicorn's protocol by h11, for where httptools cannot be had, with an eye on slow clients."""

from __future__ import annotations

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from scalemt.serve.doorkeeper import Guard


class Watched(Guard, H11Protocol):
    """uvicorn's protocol, with an eye on slow clients."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Note how far a request is."""
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self.in_head = False
            self.body += len(data)
        elif state is not h11.IDLE:
            self.arrived()
            self.body = 0

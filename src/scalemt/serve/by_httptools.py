"""uvicorn's protocol by httptools, with an eye on slow clients."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from scalemt.serve.doorkeeper import HEAD, Guard

_PIPELINED = 8  # requests of a connection that wait for the one before


class Watched(Guard, HttpToolsProtocol):
    """uvicorn's protocol, with an eye on slow clients."""

    served: RequestResponseCycle | None = None
    """The request that is being answered; uvicorn knows only the one that came last."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self.served is not None

    def on_message_begin(self) -> None:
        """Take the time of a head."""
        self.begun()
        super().on_message_begin()

    def forsake(self) -> None:
        """Tell the requests of the connection that nobody waits for them any more."""
        for cycle in (self.served, self.cycle):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """Break off what is being done, also behind what came later."""
        super().connection_lost(exc)
        self.forsake()

    def on_response_complete(self) -> None:
        """Go on with the request that came next."""
        self.served = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()

    def on_headers_complete(self) -> None:
        """Begin a request, unless it is too large or one too many."""
        self.in_head = False
        if self.transport.is_closing():
            return
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD:
            self.turn_away(431)
            return
        if len(self.pipeline) >= _PIPELINED:
            self._end("sends requests without end")
            return
        super().on_headers_complete()
        self.served = self.served or self.cycle

    def on_body(self, body: bytes) -> None:
        """Count what came of a body: it gives more time."""
        self.body += len(body)
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is there."""
        self.arrived()
        if not self.transport.is_closing():
            super().on_message_complete()

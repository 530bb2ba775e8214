"""The running streamer: its port, its parts, and company for its clients while it is quiet."""

import asyncio
import contextlib
import signal

import msgspec
from websockets.asyncio.server import Server, serve

from alphapulse import metrics
from alphapulse.settings import Settings
from alphapulse.status import remove_status, write_status
from alphapulse.store.scribe import Scribe
from streamer import protocol
from streamer.backlog import Backlogs
from streamer.client import Client
from streamer.counters import EVERY, Counters
from streamer.hub import Hub
from streamer.listener import Listener
from streamer.metering import metrics_of
from streamer.protocol import GOING_AWAY, HEARTBEAT
from streamer.reception import Reception, now
from streamer.tally import SECOND, Tally

LARGEST_REQUEST = 65_536  # bytes
PING_EVERY, PING_PATIENCE = 20.0, 60.0  # seconds; a slow client's pong may wait behind its frames
LAST_WORDS = 1.0  # seconds to write down what was counted last
PACE_STEP, PACE_PATIENCE = 0.005, 0.5  # seconds to wait for clients between parts of a catch-up


class PortTaken(OSError):
    """Somebody else listens there; the message says how to choose another port."""


class Streamer:
    """All of one streamer."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings = settings
        self.hub = Hub()
        self.counters = Counters()
        self.listener = Listener(
            url,
            self.hub,
            self.counters,
            most_missed=settings.stream_resume_rows,
            on_state=self.tell_state,
            on_new_life=self.start_afresh,
            paced=self.paced,
        )
        self.backlogs = Backlogs(
            url,
            self.hub,
            self.listener,
            self.counters,
            most_rows=settings.stream_resume_rows,
            last=settings.stream_backlog,
        )
        self.reception = Reception(settings, self.hub, self.backlogs, self.counters)
        self.scribe = Scribe(url, "statistics streamer")
        self.tally = Tally(self.scribe.put)
        self.hub.on_flush = lambda received: self.tally.deliver(received, now())

    @property
    def clients(self) -> set[Client]:
        return self.reception.clients

    # -- from start to stop

    async def listen(self) -> Server:
        """Open the port; raises PortTaken."""
        settings = self.settings
        try:
            return await serve(
                self.reception.welcome,
                settings.host,
                settings.stream_port,
                process_request=self.reception.look,
                compression=None,
                max_size=LARGEST_REQUEST,
                ping_interval=PING_EVERY,
                ping_timeout=PING_PATIENCE,
                close_timeout=5,
                server_header=None,
            )
        except OSError as failure:
            raise PortTaken(
                f"cannot listen on {settings.host}:{settings.stream_port} "
                f"({failure.strerror or failure}): stop whoever has the port, "
                "or choose another with ALPHAPULSE_STREAM_PORT"
            ) from failure

    async def run(self) -> None:
        """Feed the clients until cancelled."""
        door = metrics.open_door(
            self.settings.metrics_port,
            metrics.STREAMER,
            lambda: metrics_of(self.counters, self.tally, self.scribe),
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.listener.run())
                tasks.create_task(self.keep_company())
                tasks.create_task(self.report())
                tasks.create_task(self.tell_seconds())
        finally:
            await asyncio.to_thread(door.close)
            self.backlogs.close()
            self.tally.turn(0, self.count().frames, len(self.clients))
            await asyncio.to_thread(self.scribe.close, LAST_WORDS)

    def dismiss(self) -> None:
        for client in tuple(self.clients):
            client.close(GOING_AWAY, "the streamer stops")

    # -- all clients

    def tell_state(self, state: str, caught_up: int) -> None:
        """The truth about the line to PostgreSQL, at once."""
        words = (
            {"caught_up": caught_up}
            if state == "live"
            else {"message": "reconnecting to PostgreSQL"}
        )
        frame = protocol.status(now(), state, **words)
        for client in tuple(self.clients):
            client.write(frame)

    def start_afresh(self, why: str) -> None:
        """Continuity is lost: every subscription begins anew and is told why."""
        for client in tuple(self.clients):
            if client.subscription:
                self.reception.subscribe(client, client.subscription, why)

    async def paced(self) -> None:
        """Let clients take in what they have; one that does not is dropped later, by its buffer."""
        half = self.settings.stream_buffer_bytes // 2
        waited = 0.0
        while waited < PACE_PATIENCE and any(
            client.backlog_bytes > half for client in self.clients
        ):
            await asyncio.sleep(PACE_STEP)
            waited += PACE_STEP

    async def keep_company(self) -> None:
        """A heartbeat to whoever got nothing for a second."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            self.beat()

    def beat(self) -> None:
        state, at = self.counters.state, now()
        frame = protocol.heartbeat(at, state, self.hub.place())
        without_place = protocol.heartbeat(at, state, None)
        for client in tuple(self.clients):
            if client.is_quiet:
                client.write(frame if client.held is None else without_place)
            client.is_quiet = True
            client.requests = 0

    async def tell_seconds(self) -> None:
        self.scribe.start()
        while True:
            self.tally.tick(now(), self.count().frames, len(self.clients))
            await asyncio.sleep((SECOND - now() % SECOND) / SECOND)

    async def report(self) -> None:
        while True:
            facts = msgspec.to_builtins(self.count())
            with contextlib.suppress(OSError):  # a full disk must not stop the stream
                await asyncio.to_thread(write_status, self.settings.home, "streamer", facts)
            await asyncio.sleep(EVERY)

    def count(self) -> Counters:
        self.counters.clients = len(self.clients)
        self.counters.trades = self.hub.trades
        self.counters.place = self.hub.sent_place
        for client in self.clients:
            self.counters.frames += client.frames
            client.frames = 0
        return self.counters


async def run_streamer(settings: Settings, url: str) -> None:
    """Serve until SIGTERM or SIGINT; raises PortTaken."""
    streamer = Streamer(settings, url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await streamer.listen()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    work = asyncio.create_task(streamer.run())
    stopped = asyncio.create_task(stop.wait())
    print(f"streamer: ws://{settings.host}:{settings.stream_port}", flush=True)
    try:
        await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
    finally:
        streamer.dismiss()
        server.close()
        await server.wait_closed()
        work.cancel()
        stopped.cancel()
        ended = await asyncio.gather(work, stopped, return_exceptions=True)
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        with contextlib.suppress(OSError):
            remove_status(settings.home, "streamer")
    for failure in ended:
        if isinstance(failure, Exception):
            raise failure

/**
 * One market's stream: connects, resumes by cursor, notices silence, counts. It knows nothing of React;
 * sockets, clock and chance come in, so that tests can hold them.
 */
import {
  BROWSER,
  type Hearers,
  type Socket,
  START,
  type StreamState,
  sayClose,
  type World,
} from "./contract.ts";
import { addressOf, type Frame, readFrame, type TradeFrame } from "./frames.ts";
import { Seen } from "./seen.ts";

const BACKOFF_MS = [500, 1000, 2000, 4000, 8000, 15_000];
const DEAF_AFTER = 4; // heartbeats without a frame: say that it is stale
const DEAD_AFTER = 12; // and then: dial again

export class StreamClient {
  #state: StreamState = START;
  #socket: Socket | null = null;
  #cursor: string | null = null;
  #asked: string | null = null;
  #attempts = 0;
  #heartbeatMs = 1000;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #watch: ReturnType<typeof setInterval> | null = null;
  #seen = new Seen();
  readonly #base: string;
  readonly #market: string;
  readonly #last: number;
  readonly #hearers: Hearers;
  readonly #world: World;

  constructor(
    base: string,
    market: string,
    last: number,
    hearers: Hearers,
    world: World = BROWSER,
  ) {
    this.#base = base;
    this.#market = market;
    this.#last = last;
    this.#hearers = hearers;
    this.#world = world;
  }

  get state(): StreamState {
    return this.#state;
  }

  get cursor(): string | null {
    return this.#cursor;
  }

  start(): void {
    if (this.#state.phase !== "idle") return;
    this.#watch = setInterval(() => this.#listenForSilence(), 500);
    this.#dial();
  }

  stop(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#hangUp();
    this.#change({ phase: "idle", retryAt: null });
  }

  reconnectNow = (): void => {
    if (this.#state.phase === "idle") return;
    this.#attempts = 0;
    this.#hangUp();
    this.#dial();
  };

  #dial(): void {
    this.#asked = this.#cursor;
    this.#change({ phase: "connecting", retryAt: null, heardAt: this.#world.now() });
    let socket: Socket;
    try {
      socket = this.#world.open(addressOf(this.#base, this.#market, this.#last, this.#cursor));
    } catch (error) {
      this.#lost(error instanceof Error ? error.message : String(error)); // no address, or forbidden
      return;
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.#hear(data);
    };
    socket.onopen = () => {
      const token = this.#world.token();
      if (token !== null) socket.send(JSON.stringify({ type: "token", token }));
    };
    socket.onclose = ({ code, reason }) => {
      if (code === 1008 && reason === "unauthorized") this.#unauthorized();
      else this.#lost(sayClose(code, reason));
    };
  }

  #hangUp(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #lost(trouble: string): void {
    this.#hangUp();
    const pause = BACKOFF_MS[Math.min(this.#attempts, BACKOFF_MS.length - 1)] ?? 0;
    const wait = pause * (0.8 + 0.4 * this.#world.random());
    this.#attempts += 1;
    this.#change({ phase: "waiting", trouble, retryAt: this.#world.now() + wait });
    this.#retry = setTimeout(() => this.#dial(), wait);
  }

  /** It is no use to dial again before somebody has given a token. */
  #unauthorized(): void {
    this.#hangUp();
    const trouble = "the stream asks for a token";
    this.#change({ phase: "waiting", trouble, needsToken: true, retryAt: null });
  }

  #listenForSilence(): void {
    const { phase, heardAt } = this.#state;
    if (phase === "waiting" || phase === "idle") return;
    const silence = this.#world.now() - (heardAt ?? 0);
    if (silence > DEAD_AFTER * this.#heartbeatMs) this.#lost("nothing was heard any more");
    else if (phase === "live" && silence > DEAF_AFTER * this.#heartbeatMs) {
      this.#change({ phase: "stale" });
    }
  }

  #hear(text: string): void {
    let frame: Frame | null;
    try {
      frame = readFrame(text);
    } catch {
      this.#lost("what came is no frame of the stream protocol");
      return;
    }
    const { phase } = this.#state;
    const heard: Partial<StreamState> = { heardAt: this.#world.now() };
    if (phase === "stale") heard.phase = "live";
    this.#state = { ...this.#state, ...heard };
    if (frame) this.#take(frame);
    this.#hearers.changed();
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case "trade":
        this.#trade(frame);
        break;
      case "gap":
      case "repaired":
        this.#hearers.gap(frame);
        break;
      case "hello":
        this.#heartbeatMs = 1000 * (frame.heartbeat_seconds ?? 1);
        this.#state = {
          ...this.#state,
          simulated: frame.simulated,
          upstream: frame.state,
          needsToken: false,
        };
        break;
      case "subscribed":
        this.#subscribed(frame.recovered, frame.reason);
        break;
      case "live":
        this.#cursor = frame.cursor ?? this.#cursor;
        this.#state = { ...this.#state, phase: "live" };
        this.#hearers.abreast();
        break;
      case "heartbeat":
        // While we catch up, its cursor may lie behind trades that are still to come.
        if (this.#state.phase === "live") this.#cursor = frame.cursor ?? this.#cursor;
        this.#state = { ...this.#state, upstream: frame.state };
        break;
      case "status":
        this.#state = { ...this.#state, upstream: frame.state };
        break;
      case "error":
        this.#state = { ...this.#state, trouble: frame.message };
        break;
    }
  }

  #trade(trade: TradeFrame): void {
    // A backlog that was asked for by `last` carries the cursor of its end: it counts from `live` on.
    if (this.#asked !== null || this.#state.phase === "live") this.#cursor = trade.cursor;
    if (!this.#seen.add(trade.id)) {
      this.#state = { ...this.#state, repeated: this.#state.repeated + 1 };
      return;
    }
    const { received, replayed } = this.#state;
    this.#state = {
      ...this.#state,
      received: received + 1,
      replayed: replayed + (trade.replayed ? 1 : 0),
    };
    this.#hearers.trade(trade);
  }

  #subscribed(recovered: boolean, reason: string | undefined): void {
    const { resumed, seams, phase, received } = this.#state;
    const known = this.#asked !== null || phase === "live";
    const again = known || received > 0;
    this.#attempts = 0;
    this.#state = { ...this.#state, phase: "catching-up", trouble: null };
    this.#hearers.begun();
    if (!again) return;
    if (recovered && known) {
      this.#state = { ...this.#state, resumed: resumed + 1 };
      return;
    }
    this.#cursor = null;
    this.#asked = null;
    this.#state = { ...this.#state, seams: seams + 1 };
    this.#hearers.seam(reason ?? "the connection was lost before there was a cursor");
  }

  #change(change: Partial<StreamState>): void {
    this.#state = { ...this.#state, ...change };
    this.#hearers.changed();
  }
}

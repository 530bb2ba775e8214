import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StreamClient } from "../../src/stream/client.ts";
import { sayClose } from "../../src/stream/contract.ts";
import { addressOf, readFrame } from "../../src/stream/frames.ts";
import { Chance, SEEDS } from "./chance.ts";
import { FakeSocket, HELLO, trade } from "./sockets.ts";

const LAST = 20;
const NOISE: unknown[] = ['{"type":"weather","cursor":"c999999"}', "[]", new ArrayBuffer(4)];
const NONSENSE = ["{", "", "null", "\u0000"];

/** A streamer as docs/stream-protocol.md has it, with every trouble that it speaks of. */
class Streamer {
  #stored = 0;
  #given = 0;
  #isNew = true;
  #socket: FakeSocket | null = null;
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  dial(url: string): FakeSocket {
    this.#socket = new FakeSocket(url);
    return this.#socket;
  }

  get isOpen(): boolean {
    return this.#socket !== null && !this.#socket.closed && this.#socket.onmessage !== null;
  }

  store(many: number): void {
    this.#stored += many;
  }

  /** Welcomes whoever has dialled; it may be cut off anywhere on the way to `live`. */
  welcome(mayBreak: boolean): void {
    const cursor = this.#socket?.url.searchParams.get("cursor") ?? null;
    this.#say(HELLO);
    const known = cursor === null ? null : Number(cursor.slice(1));
    this.#subscribe(known, known !== null && mayBreak && this.#chance.isSo(0.2));
    this.#catchUp(known, mayBreak);
  }

  /** The same without being asked, after trouble of its own with PostgreSQL. */
  beginAnew(): void {
    this.#subscribe(this.#given, false);
    this.#catchUp(this.#given, false);
  }

  #subscribe(known: number | null, isLost: boolean): void {
    const from = known === null || isLost ? Math.max(0, this.#stored - LAST) : known;
    const reason = isLost ? { reason: "retention has removed some" } : {};
    this.#say({ type: "subscribed", recovered: !isLost, cursor: `c${from}`, ...reason });
    this.#given = from;
    this.#isNew = known === null || isLost;
  }

  #catchUp(known: number | null, mayBreak: boolean): void {
    const end = this.#stored;
    const back = known !== null && !this.#isNew && this.#chance.isSo(0.3) ? 2 : 0;
    this.#given = Math.max(0, this.#given - back); // a streamer may say again what was given
    while (this.#given < end) {
      if (mayBreak && this.#chance.isSo(0.02)) {
        this.cut();
        return;
      }
      this.#give(this.#isNew ? end : null, true);
    }
    this.#say({ type: "live", cursor: `c${end}` });
  }

  flow(): void {
    while (this.#given < this.#stored) this.#give(null, false);
  }

  beat(): void {
    this.#say({ type: "heartbeat", state: "live", cursor: `c${this.#given}` });
  }

  raw(data: unknown): void {
    this.#socket?.onmessage?.({ data });
  }

  cut(): void {
    const code = this.#chance.one([1001, 1006, 1011, 1013]);
    this.#socket?.drop(code, code === 1013 ? `c${this.#given}` : "");
  }

  #give(cursor: number | null, replayed: boolean): void {
    this.#given += 1;
    this.#say(trade(this.#given, { cursor: `c${cursor ?? this.#given}`, replayed }));
  }

  #say(frame: object): void {
    this.#socket?.say(frame);
  }
}

type Told = number | "seam";

describe.each(SEEDS)("a stream with the troubles of the seed %i", (seed) => {
  let chance: Chance;
  let streamer: Streamer;
  let told: Told[];
  let client: StreamClient;

  beforeEach(() => {
    vi.useFakeTimers();
    chance = new Chance(seed);
    streamer = new Streamer(chance);
    told = [];
    client = new StreamClient(
      "ws://127.0.0.1:8766",
      "kraken/BTC_USD",
      LAST,
      {
        trade: ({ id }) => told.push(Number(id)),
        seam: () => told.push("seam"),
        gap: () => undefined,
        begun: () => undefined,
        abreast: () => undefined,
        changed: () => undefined,
      },
      {
        open: (url) => streamer.dial(url),
        now: Date.now,
        token: () => null,
        random: () => chance.next(),
      },
    );
  });

  afterEach(() => {
    client.stop();
    vi.useRealTimers();
  });

  /** The client dials by itself, however it was left. */
  function comeBack(mayBreak: boolean): void {
    for (let tries = 0; tries < 50 && client.state.phase !== "live"; tries += 1) {
      if (!streamer.isOpen) vi.advanceTimersByTime(18_000);
      streamer.welcome(mayBreak);
    }
    expect(client.state.phase).toBe("live");
  }

  function trouble(): void {
    const kind = chance.whole(0, 9);
    if (kind <= 3) streamer.flow();
    else if (kind === 4) streamer.beat();
    else if (kind === 5) streamer.raw(chance.one(NOISE));
    else if (kind === 6) streamer.beginAnew();
    else if (kind === 7) streamer.raw(chance.one(NONSENSE));
    else if (kind === 8) client.reconnectNow();
    else streamer.cut();
  }

  it("shows every trade once, in order, or says where some may be missing", () => {
    streamer.store(chance.whole(0, 60));
    client.start();
    comeBack(true);
    for (let step = 0; step < 120; step += 1) {
      streamer.store(chance.whole(0, 3));
      trouble();
      if (client.state.phase !== "live") comeBack(true);
    }
    streamer.store(5);
    streamer.flow();
    comeBack(false);

    const ids = told.filter((each) => each !== "seam");
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    for (const [at, id] of told.entries()) {
      const before = told[at - 1];
      if (id !== "seam" && typeof before === "number") expect(id).toBe(before + 1);
    }
    expect(client.state.received).toBe(ids.length);
    expect(client.state.seams).toBe(told.length - ids.length);
    expect(client.state.trouble).toBeNull();
  });
});

describe("the end of a connection, in words", () => {
  it.each([
    [1001, "", "the streamer stopped"],
    [1006, "", "the connection was lost"],
    [1013, "3f9c-812;812.70913", "we did not take in what was sent"],
    [1013, "", "we did not take in what was sent"],
    [1013, "all 100 places of your address are taken", "all 100 places of your address are taken"],
    [1008, "", "the streamer refused us"],
    [1008, "too many requests", "too many requests"],
    [4000, "odd", "odd"],
  ])("%i %s: %s", (code, reason, words) => {
    expect(sayClose(code, reason)).toBe(words);
  });
});

describe("frames and addresses", () => {
  it("read what they know and pass over what they do not", () => {
    expect(readFrame(JSON.stringify(trade(1)))?.type).toBe("trade");
    for (const text of ['{"type":"pong"}', "{}", "[]", "7", '{"type":7}'])
      expect(readFrame(text)).toBeNull();
    for (const text of ["", "{", "trade"]) expect(() => readFrame(text)).toThrow(SyntaxError);
  });

  it("keep what stands in the address of the stream, and escape what a name may have", () => {
    const url = new URL(
      addressOf("wss://host.test/stream?via=proxy", "some/A%5FB&cursor=x", 50, "a;b.1"),
    );
    expect(url.pathname).toBe("/stream");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      via: "proxy",
      market: "some/A%5FB&cursor=x",
      last: "50",
      cursor: "a;b.1",
    });
  });
});

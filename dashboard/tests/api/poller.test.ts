import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Got, get, Refused } from "../../src/api/client.ts";
import { Poller, type Surroundings } from "../../src/api/poller.ts";

describe("a poller", () => {
  let visible: boolean;
  let wake: () => void;
  let answers: (() => Promise<Got<unknown>>)[];
  let asked: number;
  let around: Surroundings;

  beforeEach(() => {
    vi.useFakeTimers();
    visible = true;
    asked = 0;
    answers = [];
    around = {
      now: Date.now,
      isVisible: () => visible,
      onVisible: (hear) => {
        wake = hear;
        return () => undefined;
      },
      fetch: (async () => {
        asked += 1;
        const answer = answers.shift() ?? (async () => ({ data: { n: asked }, etag: null }));
        return answer();
      }) as Surroundings["fetch"],
    };
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks while somebody listens, and no longer", async () => {
    const poller = new Poller("/v1/x", 1000, around);
    const stop = poller.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(2500);
    expect(asked).toBe(3);
    stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(asked).toBe(3);
  });

  it("has one request in flight, however long it takes", async () => {
    let finish: (got: Got<unknown>) => void = () => undefined;
    answers.push(() => new Promise((resolve) => (finish = resolve)));
    const poller = new Poller("/v1/x", 1000, around);
    poller.subscribe(() => undefined);
    void poller.refresh();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(1);
    finish({ data: { n: 1 }, etag: null });
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toBe(2);
  });

  it("keeps the last answer and its age through a failure, and says why", async () => {
    const poller = new Poller("/v1/x", 1000, around);
    poller.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    const at = poller.state.at;
    answers.push(() =>
      Promise.reject(new Refused({ title: "Busy", status: 503, detail: "come again" })),
    );
    await vi.advanceTimersByTimeAsync(1000);
    expect(poller.state).toMatchObject({ data: { n: 1 }, at, problem: { title: "Busy" } });
    await vi.advanceTimersByTimeAsync(1000);
    expect(poller.state.problem).toBeNull();
  });

  it("rests while nobody looks, and asks at once when somebody does", async () => {
    const poller = new Poller("/v1/x", 1000, around);
    poller.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    visible = false;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toBe(1);
    visible = true;
    wake();
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toBe(3);
  });
});

describe("a request", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("is conditional once the answer is known, and 304 gives the same back", async () => {
    const fetched = vi
      .fn()
      .mockResolvedValueOnce(new Response('{"a":1}', { headers: { etag: '"x"' } }))
      .mockResolvedValueOnce(new Response(null, { status: 304 }));
    vi.stubGlobal("fetch", fetched);
    const first = await get("/v1/x");
    const second = await get("/v1/x", { known: first });
    expect(second).toBe(first);
    expect(fetched.mock.calls[1]?.[1].headers["if-none-match"]).toBe('"x"');
  });

  it("is refused in the API's own words", async () => {
    const problem = { title: "Range too long", detail: "at most 10000", hint: "ask for less" };
    vi.stubGlobal("fetch", vi.fn().mockResolvedValue(Response.json(problem, { status: 422 })));
    await expect(get("/v1/x")).rejects.toMatchObject({ problem: { ...problem, status: 422 } });
  });

  it("tells an answer that came too late from one that makes no sense", async () => {
    const late = { ok: true, json: () => Promise.reject(new DOMException("late", "TimeoutError")) };
    vi.stubGlobal("fetch", vi.fn().mockResolvedValue(late));
    await expect(get("/v1/x")).rejects.toMatchObject({ problem: { status: null } });
    vi.stubGlobal("fetch", vi.fn().mockResolvedValue(new Response("{")));
    await expect(get("/v1/x")).rejects.toMatchObject({
      problem: { status: 200, title: "The answer could not be read" },
    });
  });

  it("says so when nobody answers", async () => {
    vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("Failed to fetch")));
    await expect(get("/v1/x")).rejects.toMatchObject({
      problem: { status: null, title: "The API does not answer" },
    });
  });
});

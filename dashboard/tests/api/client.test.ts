// @vitest-environment happy-dom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { get, marketPath, path, problemOf, Refused } from "../../src/api/client.ts";
import { Api } from "../stage/api.ts";
import { type Stage, setStage, strikeStage } from "../stage/page.tsx";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("an address of the API", () => {
  it("leaves out what nobody asked for, and keeps what is false or nought", () => {
    expect(path("/v1/incidents", { open: null, limit: 20, cursor: undefined })).toBe(
      "/v1/incidents?limit=20",
    );
    expect(path("/v1/gaps", { open: false, limit: 0 })).toBe("/v1/gaps?open=false&limit=0");
    expect(path("/v1/backfills", {})).toBe("/v1/backfills");
  });

  it("escapes what a cursor, a time or a name may have in it", () => {
    const url = path("/v1/gaps", { cursor: "a b&c=d+e%", exchange: "ü" });
    expect(Object.fromEntries(new URLSearchParams(url.split("?")[1]))).toEqual({
      cursor: "a b&c=d+e%",
      exchange: "ü",
    });
  });

  it("has the market as its key spells it, its own percent signs escaped once more", () => {
    expect(marketPath("kraken/BTC_USD")).toBe("/v1/markets/kraken/BTC_USD");
    expect(marketPath("some/A%5FB")).toBe("/v1/markets/some/A%255FB");
    expect(marketPath("some/a b?c#d")).toBe("/v1/markets/some/a%20b%3Fc%23d");
    for (const key of ["kraken/BTC_USD", "some/A%5FB_%22", "x/../../etc"]) {
      const [, , , exchange = "", symbol = "", ...rest] = marketPath(key).split("/");
      expect(rest).toEqual([]);
      expect(`${decodeURIComponent(exchange)}/${decodeURIComponent(symbol)}`).toBe(
        key === "x/../../etc" ? "x/.._.._etc" : key,
      );
    }
  });
});

describe("one request", () => {
  let api: Api;
  beforeEach(() => {
    api = new Api();
  });

  it("is given up when its page is left, without a word of trouble", async () => {
    api.mood = "waits";
    const own = new AbortController();
    const found = get("/v1/config", { signal: own.signal });
    own.abort();
    await expect(found).rejects.toMatchObject({ name: "AbortError" });
    await expect(found).rejects.not.toBeInstanceOf(Refused);
  });

  it("is given up after its time, and says which address did not answer", async () => {
    api.mood = "waits";
    await expect(get("/v1/config", { timeoutMs: 5 })).rejects.toMatchObject({
      problem: { title: "The API did not answer in time", status: null, detail: "/v1/config" },
    });
  });

  it("is asked for as JSON, past any cache of the browser, and without an ETag at first", async () => {
    const { data, etag } = await get<{ version: string }>("/v1/config");
    expect(data.version).toBe("0.1.0");
    expect(etag).toMatch(/^"/);
    expect(api.last("/v1/config")?.headers.get("accept")).toBe("application/json");
    expect(api.last("/v1/config")?.headers.has("if-none-match")).toBe(false);
  });

  it("gives the same object back for what has not changed, and another for what has", async () => {
    const first = await get<{ version: string }>("/v1/config");
    expect(await get("/v1/config", { known: first })).toBe(first);
    api.tell("/v1/config", { version: "0.2.0" });
    const next = await get<{ version: string }>("/v1/config", { known: first });
    expect(next).not.toBe(first);
    expect(next.data.version).toBe("0.2.0");
  });

  it("takes a 304 that nobody asked for as a refusal, not as an answer", async () => {
    api.instead.set("GET /v1/config", () => new Response(null, { status: 304 }));
    await expect(get("/v1/config")).rejects.toBeInstanceOf(Refused);
  });

  it("keeps what a proxy says that speaks no problem+json", async () => {
    const page = () =>
      new Response("<h1>Bad Gateway</h1>", { status: 502, statusText: "Bad Gateway" });
    api.instead.set("GET /v1/config", page);
    await expect(get("/v1/config")).rejects.toMatchObject({
      problem: { title: "Bad Gateway", status: 502, detail: "The API answered 502." },
    });
  });

  it.each([
    ["null", null],
    ["a list", [1]],
    ["a text", "no"],
    ["empty", {}],
  ])("reads a problem that is %s as one without words of its own", async (_, body) => {
    const problem = await problemOf(Response.json(body, { status: 500 }));
    expect(problem).toMatchObject({ status: 500, detail: "The API answered 500." });
    expect(problem.title).not.toBe("");
  });

  it("says in its message what was wrong, for logs", async () => {
    api.mood = "refuses";
    await expect(get("/v1/config")).rejects.toThrow("Busy: the database does not answer");
  });
});

describe("a poll that several panels share", () => {
  let stage: Stage;
  beforeEach(() => {
    stage = setStage();
  });
  afterEach(() => {
    cleanup();
    strikeStage();
  });

  async function poll(url: string | null, everyMs: number) {
    const { usePoll } = await import("../../src/api/usePoll.ts");
    return renderHook(({ at }: { at: string | null }) => usePoll<object>(at, everyMs), {
      initialProps: { at: url },
    });
  }

  it("asks once for all of them, and rests when the last is gone", async () => {
    const one = await poll("/v1/config", 1000);
    const other = await poll("/v1/config", 1000);
    await stage.pass(0);
    expect(stage.api.times("/v1/config")).toBe(1);
    expect(one.result.current.data).toBe(other.result.current.data);
    one.unmount();
    await stage.pass(1000);
    expect(stage.api.times("/v1/config")).toBe(2);
    other.unmount();
    await stage.pass(10_000);
    expect(stage.api.times("/v1/config")).toBe(2);
  });

  it("asks nothing where there is no address, and begins when there is one", async () => {
    const hook = await poll(null, 1000);
    await stage.pass(3000);
    expect(stage.api.asked).toHaveLength(0);
    expect(hook.result.current).toMatchObject({ data: null, problem: null, at: null });
    hook.rerender({ at: "/v1/config" });
    await stage.pass(0);
    expect(hook.result.current.data).toMatchObject({ version: "0.1.0" });
  });

  it("never shows one address's answer as another's", async () => {
    const hook = await poll("/v1/config", 1000);
    await stage.pass(0);
    stage.api.mood = "waits";
    hook.rerender({ at: "/v1/stats/storage" });
    expect(hook.result.current.data).toBeNull();
    expect(hook.result.current.at).toBeNull();
  });

  it("does not make its panels draw again for an answer that has not changed", async () => {
    const hook = await poll("/v1/config", 1000);
    await stage.pass(0);
    const { data } = hook.result.current;
    await stage.pass(3000);
    expect(stage.api.times("/v1/config")).toBe(4);
    expect(hook.result.current.data).toBe(data);
    expect(hook.result.current.at).toBe(Date.now());
  });

  it("is asked again by hand, also where it is asked only once", async () => {
    const hook = await poll("/v1/dictionary", Number.POSITIVE_INFINITY);
    await stage.pass(60_000);
    expect(stage.api.times("/v1/dictionary")).toBe(1);
    await act(async () => hook.result.current.refresh());
    await stage.pass(0);
    expect(stage.api.times("/v1/dictionary")).toBe(2);
  });

  it("tries again at its pace after a refusal, and forgets the refusal with the next answer", async () => {
    stage.api.mood = "refuses";
    const hook = await poll("/v1/config", 1000);
    await stage.pass(0);
    expect(hook.result.current.problem).toMatchObject({ title: "Busy", request_id: "r-1234" });
    stage.api.mood = "answers";
    await stage.pass(1000);
    expect(hook.result.current).toMatchObject({ problem: null, data: { version: "0.1.0" } });
  });
});

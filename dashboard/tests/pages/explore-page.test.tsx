// @vitest-environment happy-dom
import { act, fireEvent, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { snippet } from "../../src/pages/explore/snippets.ts";
import { at, market, TRADE } from "../stage/answers.ts";
import { BUSY } from "../stage/api.ts";
import {
  byId,
  isThere,
  open,
  press,
  type Stage,
  setStage,
  strikeStage,
  textOf,
} from "../stage/page.tsx";
import { pageOf } from "../stage/pages.ts";

const TRADES = "/v1/markets/kraken/BTC_USD/trades";
const CANDLES = "/v1/markets/kraken/BTC_USD/candles";
const DAY = "/explore?market=kraken/BTC_USD&start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z";

let stage: Stage;
let saved: { name: string; text: Promise<string> }[];

beforeEach(() => {
  stage = setStage();
  saved = [];
  const blobs: Blob[] = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    blobs.push(blob as Blob);
    return `blob:${blobs.length - 1}`;
  });
  vi.spyOn(URL, "revokeObjectURL").mockReturnValue(undefined);
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function save(
    this: HTMLAnchorElement,
  ) {
    const blob = blobs[Number(this.href.split(":")[1])];
    saved.push({ name: this.download, text: blob?.text() ?? Promise.resolve("") });
  });
});
afterEach(strikeStage);

function show(address = DAY): Promise<void> {
  return open(stage, address, pageOf("explore").load);
}

function word(name: string): string | null {
  return new URLSearchParams(window.location.search).get(name);
}

/** Changes a part of what stands in a field, and leaves the field. */
async function write(id: string, part: RegExp, words: string): Promise<void> {
  const field = byId(id) as HTMLInputElement;
  fireEvent.change(field, { target: { value: field.value.replace(part, words) } });
  fireEvent.blur(field);
  await stage.pass(50);
}

function asked(path: string): Record<string, string> {
  return Object.fromEntries(stage.api.last(path)?.url.searchParams ?? []);
}

/** Pages of a file as the API gives them: the cursor that goes on stands in a header. */
function servePages(...pages: string[]): void {
  stage.api.instead.set(`GET ${TRADES}`, ({ url }) => {
    if (!url.searchParams.has("format"))
      return Response.json(stage.api.told["/v1/markets/{exchange}/{symbol}/trades"]);
    const place = Number(url.searchParams.get("cursor") ?? 0);
    const more: Record<string, string> =
      place + 1 < pages.length ? { "x-next-cursor": String(place + 1) } : {};
    return new Response(pages[place], { headers: more });
  });
}

describe("the range that is looked at", () => {
  it("is that of the address, for bars, trades and archived days alike", async () => {
    await show();
    const range = { start: "2026-11-20T00:00:00Z", end: "2026-11-21T00:00:00Z" };
    expect(asked(CANDLES)).toMatchObject({ ...range, size: "1m" });
    expect(asked(TRADES)).toMatchObject({ ...range, order: "desc" });
    expect(asked("/v1/datasets")).toEqual({
      exchange: "kraken",
      symbol: "BTC_USD",
      start: "2026-11-20",
      end: "2026-11-21",
    });
    expect((byId("range-start") as HTMLInputElement).value).toMatch(/^2026-11-20[T ]00:00$/);
  });

  it("is the last 24 hours where the address says nothing, or nonsense", async () => {
    for (const address of ["/explore", "/explore?start=soon&end=2026-11-21", "/explore?last=9y"]) {
      await show(address);
      expect(byId("range-24h").getAttribute("aria-pressed")).toBe("true");
      expect(asked(CANDLES)).toMatchObject({
        start: "2026-11-20T12:02:00Z",
        end: "2026-11-21T12:02:00Z",
      });
      strikeStage();
      stage = setStage();
    }
  });

  it("changes with a press, which takes the two times out of the address", async () => {
    await show();
    await press("range-7d");
    await stage.pass(50);
    expect([word("last"), word("start"), word("end")]).toEqual(["7d", null, null]);
    expect(asked(CANDLES)).toMatchObject({ start: "2026-11-14T12:02:00Z", size: "15m" });
    expect(byId("range-7d").getAttribute("aria-pressed")).toBe("true");
  });

  it("changes with a field, and keeps its old range where the new one would be none", async () => {
    await show();
    await write("range-start", /00:00$/, "06:30");
    expect(word("start")).toBe("2026-11-20T06:30:00Z");
    await write("range-start", /11-20/, "11-25");
    expect(word("start")).toBe("2026-11-20T06:30:00Z");
  });

  it("goes on to now only when it is told to", async () => {
    await show("/explore");
    await stage.jump(600_000);
    expect(asked(CANDLES).end).toBe("2026-11-21T12:02:00Z");
    await press("range-now");
    await stage.pass(50);
    expect(asked(CANDLES).end).toBe("2026-11-21T12:12:00Z");
  });

  it("offers no bars of which there would be too many, and takes none from the address", async () => {
    await show("/explore?last=365d&size=1m");
    expect((byId("size-1m") as HTMLButtonElement).disabled).toBe(true);
    expect(asked(CANDLES).size).toBe("1d");
    await press("size-1h");
    await stage.pass(50);
    expect(word("size")).toBe("1h");
    expect(asked(CANDLES).size).toBe("1h");
  });
});

describe("the trades of the range", () => {
  it("go on page by page without losing those that are there", async () => {
    stage.api.tell("/v1/markets/{exchange}/{symbol}/trades", { next_cursor: "p2" });
    await show();
    expect(textOf("explore-trades")).toContain("1 loaded");
    stage.api.tell("/v1/markets/{exchange}/{symbol}/trades", {
      trades: [{ ...TRADE, id: "1000", side: "buy" }],
      next_cursor: null,
      complete_until: at(0),
    });
    await press("trades-more");
    await stage.pass(50);
    expect(asked(TRADES)).toMatchObject({ cursor: "p2", order: "desc" });
    const rows = within(byId("trade-table")).getAllByTestId("trade-table-row");
    expect(rows.map((row) => row.children[4]?.textContent)).toEqual(["1001", "1000"]);
    expect(textOf("explore-trades")).toContain(
      "2 trades: all of the range; proved whole until 2026-11-21 12:01:00",
    );
    expect(isThere("trades-more")).toBe(false);
  });

  it("keep what was loaded when the next page is refused, as old, and try that page again", async () => {
    stage.api.tell("/v1/markets/{exchange}/{symbol}/trades", { next_cursor: "p2" });
    await show();
    stage.api.mood = "refuses";
    await press("trades-more");
    await stage.pass(50);
    expect(byId("explore-trades").dataset.state).toBe("error");
    expect(within(byId("trade-table")).getAllByTestId("trade-table-row")).toHaveLength(1);
    stage.api.mood = "answers";
    await press("explore-trades-retry");
    await stage.pass(50);
    expect(asked(TRADES).cursor).toBe("p2");
    expect(byId("explore-trades").dataset.state).toBe("fresh");
  });

  it("never show the answer of a range that was left", async () => {
    let finish: (answer: Response) => void = () => undefined;
    stage.api.instead.set(`GET ${TRADES}`, () => new Promise((resolve) => (finish = resolve)));
    await show();
    const slow = finish;
    await press("range-1h");
    await stage.pass(50);
    finish(Response.json(stage.api.told["/v1/markets/{exchange}/{symbol}/trades"]));
    await stage.pass(50);
    const late = { ...TRADE, id: "1" };
    slow(
      Response.json({
        ...stage.api.told["/v1/markets/{exchange}/{symbol}/trades"],
        trades: [late],
      }),
    );
    await stage.pass(50);
    expect(textOf("trade-table")).toContain("1001");
    expect(textOf("trade-table")).not.toContain("67 000.100.00120000▼ sell1live");
  });
});

describe("the range as a file", () => {
  it("is one CSV, put together from its pages without a second line of names", async () => {
    servePages("id,price\n1,2.50\n", "id,price\n2,2.75\n", "id,price\n3,3\n");
    await show();
    await press("range-csv");
    await stage.pass(50);
    expect(saved.map((each) => each.name)).toEqual(["kraken_BTC_USD_20261120_20261121.csv"]);
    expect(await saved[0]?.text).toBe("id,price\n1,2.50\n2,2.75\n3,3\n");
    expect(textOf("range-words")).toBe("Saved, from 3 parts.");
    expect(asked(TRADES)).toMatchObject({ format: "csv", limit: "10000", cursor: "2" });
  });

  it("is in numbered parts where the format cannot be joined, the next one at a press", async () => {
    servePages("PAR1", "PAR2");
    await show();
    await press("range-parquet");
    await stage.pass(50);
    expect(saved.map((each) => each.name)).toEqual([
      "kraken_BTC_USD_20261120_20261121.001.parquet",
    ]);
    expect(textOf("range-words")).toBe("Part 1 is saved; the range goes on.");
    await press("range-next");
    await stage.pass(50);
    expect(saved.at(-1)?.name).toBe("kraken_BTC_USD_20261120_20261121.002.parquet");
    expect(await saved.at(-1)?.text).toBe("PAR2");
    expect(textOf("range-words")).toBe("Saved, from 2 parts.");
    expect(isThere("range-next")).toBe(false);
  });

  it("has no number where one part is all", async () => {
    servePages("ARROW1");
    await show();
    await press("range-arrow");
    await stage.pass(50);
    expect(saved.map((each) => each.name)).toEqual(["kraken_BTC_USD_20261120_20261121.arrow"]);
    expect(textOf("range-words")).toBe("Saved: the whole range.");
  });

  it("saves nothing where a page in the middle is refused, and says why", async () => {
    servePages("id\n1\n", "id\n2\n");
    const pages = stage.api.instead.get(`GET ${TRADES}`);
    stage.api.instead.set(`GET ${TRADES}`, (each) =>
      each.url.searchParams.get("cursor") === "1" || !pages
        ? Response.json(BUSY, { status: 503 })
        : pages(each),
    );
    await show();
    await press("range-csv");
    await stage.pass(50);
    expect(saved).toEqual([]);
    expect(textOf("range-words")).toBe(
      "Busy. The database does not answer. Come again. Request r-1234.",
    );
    expect((byId("range-csv") as HTMLButtonElement).disabled).toBe(false);
  });

  it("can be stopped, and is forgotten with its page", async () => {
    await show();
    stage.api.mood = "waits";
    await press("range-csv");
    expect((byId("range-parquet") as HTMLButtonElement).disabled).toBe(true);
    await press("range-stop");
    await stage.pass(50);
    expect(textOf("range-words")).toContain("Trades in order of time.");
    expect(isThere("range-stop")).toBe(false);
    expect(saved).toEqual([]);
  });
});

describe("archived days", () => {
  it("lead to file and certificate by the addresses that the API gives", async () => {
    await show();
    expect(textOf("dataset-table")).toContain("2026-11-20123 4562.5 MBParquetCertificate");
    expect(byId("dataset-2026-11-20").getAttribute("href")).toBe(
      "/v1/datasets/kraken/BTC_USD/2026-11-20",
    );
    expect(byId("dataset-2026-11-20").hasAttribute("download")).toBe(true);
    expect(byId("certificate-2026-11-20").getAttribute("href")).toMatch(/\/certificate$/);
  });
});

describe("snippets on the page", () => {
  const subject = {
    what: "trades" as const,
    key: "kraken/BTC_USD",
    exchange: "kraken",
    symbol: "BTC/USD",
    size: "1m" as const,
    start: "2026-11-20T00:00:00Z",
    end: "2026-11-21T00:00:00Z",
    origin: window.location.origin,
  };

  it("are tabs that arrow keys walk through, the focus going along", async () => {
    await show();
    const tab = (name: string) => byId(`snippet-${name}`);
    const press = (key: string) => fireEvent.keyDown(document.activeElement as Element, { key });
    tab("curl").focus();
    press("ArrowRight");
    expect(document.activeElement).toBe(tab("python"));
    expect(tab("python").getAttribute("aria-selected")).toBe("true");
    expect(tab("curl").tabIndex).toBe(-1);
    press("End");
    expect(document.activeElement).toBe(tab("sql"));
    expect(textOf("snippet-text")).toBe(snippet("SQL", subject));
    press("ArrowRight");
    expect(document.activeElement).toBe(tab("curl"));
    press("ArrowLeft");
    press("Home");
    expect(textOf("snippet-text")).toBe(snippet("curl", subject));
    const panel = document.getElementById(tab("curl").getAttribute("aria-controls") ?? "");
    expect(panel?.getAttribute("role")).toBe("tabpanel");
    expect(fireEvent.keyDown(tab("curl"), { key: "Tab" })).toBe(true);
  });

  it("are of bars where bars are wanted, and follow market and range", async () => {
    stage.api.tell("/v1/markets", { markets: [market("kraken/BTC_USD", "BTC/USD")] });
    await show();
    await press("snippet-what-candles");
    expect(textOf("snippet-text")).toBe(snippet("curl", { ...subject, what: "candles" }));
    await press("range-1h");
    await stage.pass(50);
    expect(textOf("snippet-text")).toContain("start=2026-11-21T11:02:00Z");
  });

  it("say that they were copied only while what was copied is what is shown", async () => {
    const copied: string[] = [];
    const writeText = async (text: string) => void copied.push(text);
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    await show();
    await press("snippet-copy");
    expect(copied).toEqual([snippet("curl", subject)]);
    expect(textOf("snippet-copy")).toBe("Copied");
    await press("snippet-duckdb");
    expect(textOf("snippet-copy")).toBe("Copy");
  });

  it("do not claim so where the browser forbids it", async () => {
    const writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    await show();
    await act(async () => byId("snippet-copy").click());
    expect(textOf("snippet-copy")).toBe("Copy");
  });
});

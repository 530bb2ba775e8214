// @vitest-environment happy-dom
import { readFileSync } from "node:fs";
import { cleanup, fireEvent, render } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Boundary } from "../../src/app/Boundary.tsx";
import { feed, market, NOW } from "../stage/answers.ts";
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
import { PAGES } from "../stage/pages.ts";
import { FakeSocket, HELLO, LIVE, SUBSCRIBED, trade } from "../stream/sockets.ts";

let stage: Stage;
let sockets: FakeSocket[];

beforeEach(() => {
  stage = setStage();
  sockets = [];
  vi.stubGlobal("WebSocket", function dial(url: string) {
    const socket = new FakeSocket(url);
    sockets.push(socket);
    return socket;
  });
});
afterEach(strikeStage);

const LOADS: Record<string, () => Promise<unknown>> = {
  "/live": () => import("../../src/pages/Live.tsx"),
  ...Object.fromEntries(PAGES.map((page) => [`/${page.address.split(/[/?]/)[1]}`, page.load])),
};

/** The whole house; the pages that are gone to are loaded before, as from a browser's cache. */
async function enter(address: string, ...further: string[]): Promise<void> {
  const pages = [address, ...further].map((each) => LOADS[`/${each.split(/[/?]/)[1]}`]);
  await Promise.all(pages.map((load) => load?.()));
  await open(stage, address, async () => {
    const { App } = await import("../../src/app/App.tsx");
    return { default: App };
  });
  await stage.pass(50);
}

describe("whose data it is", () => {
  it("is said to be live only while something comes", async () => {
    await enter("/dictionary");
    expect(textOf("mode-chip")).toBe("LIVE");
    expect(textOf("connection-chip")).toContain("Connected");
    stage.api.mood = "waits";
    await stage.jump(16_000);
    expect(textOf("mode-chip")).toBe("NOT LIVE");
    const age = () => Number(/No news(\d+) s ago/.exec(textOf("connection-chip"))?.[1]);
    const before = age();
    expect(before).toBeGreaterThanOrEqual(16);
    await stage.pass(3000);
    expect(age()).toBe(before + 3);
  });

  it("is not made up before the API has said it, nor where it cannot", async () => {
    stage.api.mood = "is away";
    await enter("/dictionary");
    expect(textOf("mode-chip")).toBe("…");
    expect(textOf("connection-chip")).toBe("Disconnected");
    expect(byId("house").dataset.simulated).toBe("false");
  });

  it("stands in an amber frame on every page while it is simulated, also when the API is gone", async () => {
    stage.api.tell("/v1/config", { simulated: true });
    await enter("/dictionary");
    for (const name of ["overview", "live", "realtime", "coverage", "explore", "operations"]) {
      await press(`nav-${name}`);
      expect(byId("house").dataset.simulated).toBe("true");
      expect(textOf("mode-chip")).toBe("SIMULATED");
    }
    stage.api.mood = "is away";
    await stage.look();
    expect(byId("house").dataset.simulated).toBe("true");
    expect(textOf("mode-chip")).toBe("SIMULATED");
    expect(textOf("connection-chip")).toContain("Disconnected");
    const sheet = readFileSync("src/app/App.module.css", "utf8");
    const frame = /\.house\[data-simulated="true"\]::after \{([^}]*)\}/.exec(sheet)?.[1];
    expect(frame).toMatch(/position: fixed;[^}]*inset: 0;[^}]*solid var\(--amber\)/);
  });

  it("has no such frame when it is real", async () => {
    await enter("/");
    expect(byId("house").dataset.simulated).toBe("false");
  });

  it("follows the stream where one is shown, and the API again behind it", async () => {
    await enter("/live?market=kraken/BTC_USD", "/dictionary");
    sockets[0]?.say({ ...HELLO, simulated: false }, SUBSCRIBED, LIVE, trade(1));
    await stage.pass(200);
    expect(textOf("connection-chip")).toContain("Streaming");
    await stage.pass(5000);
    expect(textOf("connection-chip")).toContain("Stream silent");
    expect(textOf("mode-chip")).toBe("NOT LIVE");
    sockets[0]?.drop();
    await stage.pass(100);
    expect(textOf("connection-chip")).toContain("Stream lost");
    await press("nav-dictionary");
    await stage.pass(100);
    expect(textOf("connection-chip")).toContain("Connected");
    expect(sockets.every((socket) => socket.closed)).toBe(true);
  });
});

describe("the way through the house", () => {
  it("marks where one is, names it in the title, and takes the focus along", async () => {
    await enter("/", "/coverage");
    expect(document.title).toBe("Overview · AlphaPulse");
    await press("nav-coverage");
    await stage.pass(50);
    expect(window.location.pathname).toBe("/coverage");
    expect(document.title).toBe("Coverage · AlphaPulse");
    expect(document.activeElement?.id).toBe("main");
    const current = [...document.querySelectorAll("[aria-current=page]")];
    expect(current.map((each) => each.textContent)).toEqual(["Coverage"]);
    expect(isThere("page-coverage")).toBe(true);
    expect(isThere("page-overview")).toBe(false);
  });

  it("counts a day of a market as Coverage, and comes back with the browser's button", async () => {
    await enter("/coverage/kraken/BTC_USD/2026-11-21", "/dictionary");
    expect(isThere("page-coverage-day")).toBe(true);
    expect(byId("nav-coverage").getAttribute("aria-current")).toBe("page");
    await press("day-before");
    expect(window.location.pathname).toBe("/coverage/kraken/BTC_USD/2026-11-20");
    window.history.replaceState(null, "", "/dictionary");
    window.dispatchEvent(new PopStateEvent("popstate"));
    await stage.pass(50);
    expect(isThere("page-dictionary")).toBe(true);
  });

  it("leaves a link with a key held down to the browser", async () => {
    await enter("/");
    let taken: boolean | null = null;
    const watch = (event: Event) => {
      taken = event.defaultPrevented;
      event.preventDefault();
    };
    window.addEventListener("click", watch);
    const click = (more: MouseEventInit) => {
      const event = new MouseEvent("click", { bubbles: true, cancelable: true, ...more });
      fireEvent(byId("nav-coverage"), event);
      return taken;
    };
    for (const held of ["ctrlKey", "metaKey", "shiftKey", "altKey"])
      expect(click({ [held]: true })).toBe(false);
    expect(click({ button: 1 })).toBe(false);
    expect(window.location.pathname).toBe("/");
    expect(click({})).toBe(true);
    expect(window.location.pathname).toBe("/coverage");
    window.removeEventListener("click", watch);
  });

  it("says so where there is no such page, and shows the way out", async () => {
    await enter("/nowhere/at/all");
    expect(textOf("page-not-found")).toContain("There is no page /nowhere/at/all");
    expect(document.title).toBe("Not found · AlphaPulse");
    expect(byId("page-not-found").querySelector("a")?.getAttribute("href")).toBe("/");
  });

  it("leads from each feed to just its market, whatever its name has in it", async () => {
    const odd = feed({ market: "kraken/A%5FB", symbol: "A_B" });
    stage.api.tell("/v1/stats/feeds", { feeds: [feed(), odd] });
    await enter("/", "/live");
    await press("feed-kraken/A%5FB");
    await stage.pass(100);
    expect(new URLSearchParams(window.location.search).get("market")).toBe("kraken/A%5FB");
    expect(isThere("live-facts")).toBe(true);
    expect(sockets.at(-1)?.url.searchParams.get("market")).toBe("kraken/A%5FB");
  });

  it("says a changed state to those who do not see it, not the first one", async () => {
    await enter("/operations");
    const said = () => document.getElementById("announcements")?.textContent;
    expect(said()).toBe("");
    stage.api.mood = "is away";
    await stage.look();
    await stage.pass(6000);
    expect(said()).toContain("Storage: Disconnected");
    expect(document.getElementById("announcements")?.getAttribute("aria-live")).toBe("polite");
  });
});

function Broken(): never {
  throw new RangeError("1e5 is no decimal number");
}

describe("a page that fails", () => {
  it("takes only itself down and says what happened", () => {
    vi.spyOn(console, "error").mockReturnValue(undefined);
    render(
      <Boundary>
        <Broken />
      </Boundary>,
    );
    expect(byId("page-failed").getAttribute("role")).toBe("alert");
    expect(textOf("page-failed")).toContain("1e5 is no decimal number");
    cleanup();
  });
});

describe("the choice of a market", () => {
  const markets = [
    market("kraken/BTC_USD", "BTC/USD"),
    market("kraken/ETH_USD", "ETH/USD"),
    market("binance/BTCUSDT", "BTCUSDT", { refused_at: "2026-11-21T00:00:00.000000Z" }),
  ];

  async function choose(words: string): Promise<string[]> {
    fireEvent.keyDown(window, { key: "k", ctrlKey: true });
    await stage.pass(0);
    fireEvent.change(byId("market-search"), { target: { value: words } });
    return options().map((each) => each.id.replace(/^.*?-(?=kraken|binance)/, ""));
  }

  function options(): HTMLElement[] {
    return [...document.querySelectorAll<HTMLElement>("[role=option]")];
  }

  function type(key: string): void {
    fireEvent.keyDown(byId("market-search"), { key });
  }

  beforeEach(async () => {
    stage.api.tell("/v1/markets", { markets });
    await enter("/explore");
  });

  it("opens with Ctrl K, finds words in any order and spelling, and says when there is none", async () => {
    expect(await choose("usd btc")).toEqual(["kraken/BTC_USD", "binance/BTCUSDT"]);
    fireEvent.change(byId("market-search"), { target: { value: "ETH/USD" } });
    expect(options()).toHaveLength(1);
    fireEvent.change(byId("market-search"), { target: { value: "doge" } });
    expect(options()).toHaveLength(0);
    expect(textOf("market-dialog")).toContain("No market has these letters.");
    for (const key of ["ArrowDown", "ArrowUp", "Enter"]) type(key);
    expect(window.location.search).toBe("");
  });

  it("goes round by arrow keys, tells which one is active, and Enter takes it", async () => {
    await choose("");
    const active = () => byId("market-search").getAttribute("aria-activedescendant");
    const chosen = () => options().find((each) => each.getAttribute("aria-selected") === "true");
    expect(chosen()?.textContent).toBe("BTC/USDkraken");
    type("ArrowUp");
    expect(chosen()?.textContent).toBe("BTCUSDTbinance, refused");
    type("ArrowDown");
    type("ArrowDown");
    expect(chosen()?.textContent).toBe("ETH/USDkraken");
    expect(active()).toBe(chosen()?.id);
    type("Enter");
    await stage.pass(50);
    expect(window.location.search).toBe("?market=kraken/ETH_USD");
    expect(textOf("market-picker")).toContain("kraken/ETH_USD");
    expect(isThere("market-search")).toBe(false);
  });

  it("is remembered for the next visit, until the market is gone", async () => {
    await choose("eth");
    await press("market-option-kraken/ETH_USD");
    expect(JSON.parse(window.localStorage.getItem("alphapulse.preferences") ?? "{}")).toMatchObject(
      {
        market: "kraken/ETH_USD",
      },
    );
    await press("nav-explore");
    await stage.pass(50);
    expect(window.location.search).toBe("");
    expect(document.querySelector("h1")?.textContent).toBe("Explore kraken/ETH_USD");
    stage.api.tell("/v1/markets", { markets: markets.slice(0, 1) });
    await stage.look();
    expect(document.querySelector("h1")?.textContent).toBe("Explore kraken/BTC_USD");
  });
});

describe("what a person likes", () => {
  it("changes the theme of the whole page and is kept", async () => {
    await enter("/dictionary");
    const before = document.documentElement.dataset.theme;
    await press("theme-switch");
    const after = document.documentElement.dataset.theme;
    expect([before, after].sort()).toEqual(["dark", "light"]);
    expect(window.localStorage.getItem("alphapulse.preferences")).toContain(`"theme":"${after}"`);
  });

  it("changes every time that is shown to this place's clock, and says which one it is", async () => {
    await enter("/explore");
    const cell = () => byId("trade-table-row").querySelector("td")?.textContent;
    expect(cell()).toBe("2026-11-21 12:00:58.000000");
    expect(textOf("clock-switch")).toContain("UTC");
    await press("clock-switch");
    expect(textOf("clock-switch")).toContain("Local");
    const local = new Date(NOW - 2000);
    expect(cell()).toContain(`${String(local.getHours()).padStart(2, "0")}:00:58.000000`);
  });

  it("does no harm where somebody else has written into its place", async () => {
    window.localStorage.setItem("alphapulse.preferences", "{not json");
    await enter("/dictionary");
    expect(textOf("clock-switch")).toContain("UTC");
    expect(isThere("page-dictionary")).toBe(true);
  });
});

// @vitest-environment happy-dom
import { fireEvent, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HEAD, MARKS } from "../../src/pages/coverage/map.ts";
import { at, cell, gap } from "../stage/answers.ts";
import { byId, isThere, open, type Stage, setStage, strikeStage, textOf } from "../stage/page.tsx";
import { pageOf } from "../stage/pages.ts";
import type { Stroke } from "../stage/pen.ts";

const CELLS = [
  cell({ day: "2026-11-18" }),
  cell({ day: "2026-11-20", verdict: "complete with absences", stored: 990, absent: 10 }),
  cell({ day: "2026-11-21", verdict: "incomplete", stored: 999_999, expected: 1e6, missing: 1 }),
  cell({ market: "some/A%5FB", day: "2026-11-18", verdict: "incomplete", is_provisional: true }),
  cell({
    market: "some/A%5FB",
    day: "2026-11-19",
    verdict: "unknown",
    expected: null,
    stored: null,
    observed: 0.5,
  }),
];

let stage: Stage;
beforeEach(async () => {
  stage = setStage();
  stage.api.tell("/v1/coverage", { cells: CELLS });
  await open(stage, "/coverage", pageOf("coverage").load);
});
afterEach(strikeStage);

/** Whether the page took the key for itself. */
function key(name: string, more: object = {}): boolean {
  return !fireEvent.keyDown(byId("coverage-map"), { key: name, ...more });
}

function chosen(): string | undefined {
  return byId("coverage-map").dataset.cell;
}

function point(kind: "mouseMove" | "click", x: number, y: number): void {
  const canvas = byId("coverage-canvas");
  const event = new MouseEvent(kind.toLowerCase(), { bubbles: true });
  Object.defineProperties(event, { offsetX: { value: x }, offsetY: { value: y } });
  fireEvent(canvas, event);
}

describe("the heat map by keyboard", () => {
  it("is reached by Tab, says what it is, and begins at the newest day", () => {
    const map = byId("coverage-map");
    expect(map.tabIndex).toBe(0);
    expect(map.getAttribute("aria-roledescription")).toBe("heat map");
    const help = document.getElementById(map.getAttribute("aria-describedby") ?? "");
    expect(help?.textContent).toContain("Enter opens the day");
    expect(chosen()).toBe("kraken/BTC_USD 2026-11-21");
  });

  it("moves cell by cell, stays on the map, and says each cell", () => {
    for (const step of ["ArrowRight", "ArrowUp"]) expect(key(step)).toBe(true);
    expect(chosen()).toBe("kraken/BTC_USD 2026-11-21");
    expect(textOf("coverage-cell")).toContain("99.999 % stored · 1 missing");
    key("ArrowLeft");
    expect(textOf("coverage-cell")).toContain("10 absent at the exchange");
    key("ArrowLeft");
    expect(textOf("coverage-cell")).toBe("kraken/BTC_USD, 2026-11-19: not judged");
    key("ArrowDown");
    expect(textOf("coverage-cell")).toContain("50.0 % observed");
    key("Home");
    expect(textOf("coverage-cell")).toContain("nothing known to be missing");
    key("End", { ctrlKey: true });
    expect(chosen()).toBe("some/A%5FB 2026-11-21");
    key("PageUp");
    expect(chosen()).toBe("some/A%5FB 2026-11-18");
    expect(byId("coverage-cell").getAttribute("aria-live")).toBe("polite");
  });

  it.each(["Enter", " "])(
    "opens the day with the key %j, the market's percent signs kept",
    (name) => {
      key("ArrowDown");
      expect(key(name)).toBe(true);
      const [, page, exchange, symbol = "", day] = window.location.pathname.split("/");
      expect([page, exchange, decodeURIComponent(symbol), day]).toEqual([
        "coverage",
        "some",
        "A%5FB",
        "2026-11-21",
      ]);
    },
  );

  it("leaves Tab and letters to the page", () => {
    for (const name of ["Tab", "a", "Escape"]) expect(key(name)).toBe(false);
    expect(chosen()).toBe("kraken/BTC_USD 2026-11-21");
  });

  it("does not fall off when the next answer has fewer markets and days", async () => {
    key("End", { ctrlKey: true });
    stage.api.tell("/v1/coverage", { cells: CELLS.slice(0, 2) });
    await stage.look();
    expect(chosen()).toBe("kraken/BTC_USD 2026-11-20");
    expect(textOf("coverage-cell")).toContain("complete with absences");
  });
});

describe("the heat map by pointer", () => {
  it("says the cell below it, and the chosen one again when it leaves", () => {
    point("mouseMove", 1, HEAD + 1);
    expect(textOf("coverage-cell")).toContain("kraken/BTC_USD, 2026-11-18: complete");
    expect(chosen()).toBe("kraken/BTC_USD 2026-11-21");
    fireEvent.mouseLeave(byId("coverage-canvas"));
    expect(textOf("coverage-cell")).toContain("2026-11-21");
  });

  it("opens what it clicks at, and nothing beside the cells", () => {
    point("click", 1, 2);
    expect(window.location.pathname).toBe("/coverage");
    point("click", 1, HEAD + 1);
    expect(window.location.pathname).toBe("/coverage/kraken/BTC_USD/2026-11-18");
  });
});

describe("the heat map as it is drawn", () => {
  function strokes(): Stroke[] {
    return stage.drawn.get(byId("coverage-canvas")) ?? [];
  }

  it("fills each cell once, every kind of verdict in a colour of its own", () => {
    const filled = strokes().filter((each) => each.verb === "fillRect");
    const newest = filled.slice(-8); // two markets, four days
    const colours = newest.map((each) => each.fill);
    const [whole, none, absences, lacking, hopeful, unknown] = colours;
    expect(new Set([whole, none, absences, lacking, hopeful, unknown]).size).toBe(6);
    expect(colours.slice(6)).toEqual([none, none]);
    expect(newest.map((each) => each.words[0])).toEqual(
      [...new Array(2)].flatMap(() => newest.slice(0, 4).map((each) => each.words[0])),
    );
  });

  it("marks each kind with a shape too, so that no colour is needed", async () => {
    const { paintMark, paletteOf } = await import("../../src/pages/coverage/paint.ts");
    const { penOf } = await import("../stage/pen.ts");
    const shapes = MARKS.map((mark) => {
      const drawn: Stroke[] = [];
      paintMark(
        penOf(drawn),
        { x: 0, y: 0, w: 18, h: 18 },
        mark,
        paletteOf(document.documentElement),
      );
      return JSON.stringify(drawn.slice(1).map(({ verb, words }) => [verb, words]));
    });
    expect(new Set(shapes).size).toBe(MARKS.length);
  });

  it("has a legend that counts every market-day once", () => {
    const legend = document.querySelector("ul[aria-label='What the colours mean']");
    const counts = [...(legend?.querySelectorAll("li") ?? [])].map((line) =>
      Number(/\((\d+)\)/.exec(line.textContent ?? "")?.[1]),
    );
    expect(counts).toEqual([1, 1, 1, 1, 1, 3]);
  });
});

describe("the coverage as a table", () => {
  it("has every judged day, the newest first, each with a link to it", () => {
    expect(isThere("coverage-table")).toBe(false);
    const details = byId("coverage-table-open").parentElement as HTMLDetailsElement;
    details.open = true;
    fireEvent(details, new Event("toggle"));
    const rows = within(byId("coverage-table")).getAllByTestId("coverage-table-row");
    expect(rows.map((row) => row.querySelector("a")?.textContent)).toEqual([
      "kraken/BTC_USD, 2026-11-21",
      "kraken/BTC_USD, 2026-11-20",
      "some/A%5FB, 2026-11-19",
      "kraken/BTC_USD, 2026-11-18",
      "some/A%5FB, 2026-11-18",
    ]);
    expect(rows[0]?.textContent).toContain("99.999 %");
    expect(rows[4]?.textContent).toContain("incomplete, not final");
    expect(byId("coverage-table").closest("section")?.tabIndex).toBe(0);
  });

  it("asks for what was chosen above it, and keeps that in the address", async () => {
    fireEvent.change(byId("coverage-range"), { target: { value: "90" } });
    await stage.pass(50);
    fireEvent.change(byId("coverage-exchange"), { target: { value: "kraken" } });
    await stage.pass(50);
    expect(window.location.search).toBe("?days=90&exchange=kraken");
    const asked = stage.api.last("/v1/coverage")?.url.searchParams;
    expect(Object.fromEntries(asked ?? [])).toEqual({
      exchange: "kraken",
      start: "2026-08-24",
      end: "2026-11-22",
    });
  });
});

describe("the minutes of a day by keyboard", () => {
  beforeEach(async () => {
    strikeStage();
    stage = setStage();
    const minutes = new Array<number>(1440).fill(0).fill(4, 700, 721);
    const closed = gap({
      gap_id: 8,
      state: "repaired",
      filled: 50,
      after: at(-600),
      before: at(-540),
    });
    stage.api.tell("/v1/coverage/{exchange}/{symbol}/{day}", { minutes, gaps: [gap(), closed] });
    const page = pageOf("coverage-day");
    await open(stage, page.address, page.load);
  });

  it("begin at the newest minute, and walk by minute, hour and day", () => {
    const press = (name: string) => fireEvent.keyDown(byId("minute-strip"), { key: name });
    expect(textOf("minute-words")).toContain("12:00 UTC · 4 trades · we listened · gap 7: Open");
    press("ArrowRight");
    expect(textOf("minute-words")).toContain("12:01 UTC · 0 trades · still to come");
    press("PageUp");
    expect(textOf("minute-words")).toContain("11:01 UTC · 0 trades · we listened");
    press("End");
    expect(textOf("minute-words")).toContain("23:59 UTC");
    press("Home");
    expect(textOf("minute-words")).toContain("00:00 UTC");
    expect(fireEvent.keyDown(byId("minute-strip"), { key: "Tab" })).toBe(true);
  });

  it("say what came of a gap, and list it with its cause and width", () => {
    for (let step = 0; step < 9; step += 1)
      fireEvent.keyDown(byId("minute-strip"), { key: "ArrowLeft" });
    expect(textOf("minute-words")).toContain("gap 8: Repaired, 50 trades filled in");
    const [first] = within(byId("day-gap-table")).getAllByTestId("day-gap-table-row");
    expect([...(first?.children ?? [])].map((td) => td.textContent)).toEqual([
      "7",
      "11:59:00.000 – 12:00:00.000",
      "50",
      "Our connection was lost or fell silent",
      "Open, waits for its repair",
      "1",
      "–",
    ]);
    expect(textOf("day-gaps")).toContain("1 open of 2");
  });

  it("lead to the day before, the day after, all markets and Dagster", () => {
    expect(byId("day-before").getAttribute("href")).toBe("/coverage/kraken/BTC_USD/2026-11-20");
    expect(byId("day-after").getAttribute("href")).toBe("/coverage/kraken/BTC_USD/2026-11-22");
    expect(byId("day-dagster").getAttribute("href")).toBe(
      "http://dagster.test:3001/assets/trades_parquet?view=partitions&partition=2026-11-21%7Ckraken%2FBTC_USD",
    );
  });
});

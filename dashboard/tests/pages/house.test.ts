import { describe, expect, it } from "vitest";
import type { Incident } from "../../src/api/answers.ts";
import { anchor, find, type TableEntry } from "../../src/pages/dictionary/finding.ts";
import { openFirst } from "../../src/pages/operations/incidents.ts";

const COLUMN = { type: "numeric", nullable: false };
const TABLES: TableEntry[] = [
  {
    table: "market_trades",
    kind: "view",
    meaning: "The table for readers.",
    columns: [
      { ...COLUMN, column: "price", meaning: "Quote currency per unit of base currency." },
      { ...COLUMN, column: "size", meaning: "Base currency." },
    ],
  },
  {
    table: "gaps",
    kind: "table",
    meaning: null,
    columns: [{ ...COLUMN, column: "filled", meaning: "Rows that repairs stored in it." }],
  },
];

describe("the dictionary", () => {
  it("finds columns by name and meaning, in any order of words", () => {
    const [found] = find(TABLES, "currency quote");
    expect(found?.table).toBe("market_trades");
    expect(found?.columns.map((each) => each.column)).toEqual(["price"]);
    expect(find(TABLES, "REPAIRS filled").map((each) => each.table)).toEqual(["gaps"]);
  });

  it("keeps all columns of a table that is named itself, and everything where nothing is asked", () => {
    expect(find(TABLES, "readers")[0]?.columns).toHaveLength(2);
    expect(find(TABLES, " ")).toEqual(TABLES);
    expect(find(TABLES, "nothing of the kind")).toEqual([]);
  });

  it("gives each table and column a place of its own in the address", () => {
    expect(anchor("gaps", "filled")).toBe("gaps.filled");
    expect(anchor("parquet/{date}.parquet")).not.toMatch(/[ /{}]/);
  });
});

function incident(alert_id: number, change: Partial<Incident>): Incident {
  return {
    alert_id,
    watch: "gaps",
    severity: "warning",
    state: "standing",
    title: "",
    text: "",
    link: null,
    since: "2026-11-21T00:00:00.000000Z",
    resolved: null,
    resolution: null,
    ...change,
  };
}

describe("incidents", () => {
  it("stand in order: critical ones that are open, other open ones, then what is over; newest first", () => {
    const rows = [
      incident(1, {
        state: "resolved",
        severity: "critical",
        resolved: "2026-11-22T00:00:00.000000Z",
      }),
      incident(2, {}),
      incident(3, { since: "2026-11-23T00:00:00.000000Z" }),
      incident(4, { severity: "critical" }),
    ];
    expect(openFirst(rows).map((each) => each.alert_id)).toEqual([4, 3, 2, 1]);
  });
});

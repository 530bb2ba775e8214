// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Choice } from "../../src/panels/Choice.tsx";
import { type Column, Table, type TableProps } from "../../src/panels/Table.tsx";

interface Row {
  id: number;
  price: string;
}

const COLUMNS: Column<Row>[] = [
  { name: "Id", cell: (row) => row.id },
  { name: "Price", numeric: true, cell: (row) => row.price },
];
const ROWS: Row[] = [
  { id: 1, price: "67000.10" },
  { id: 2, price: "0.000000000000000001" },
];

function show(more: Partial<TableProps<Row>> = {}) {
  return render(
    <Table
      caption="Prices"
      columns={COLUMNS}
      rows={ROWS}
      keyOf={(row) => row.id}
      testid="prices"
      {...more}
    />,
  );
}

afterEach(cleanup);

describe("a table", () => {
  it("is named, has heads for its columns, and scrolls by keyboard within its own height", () => {
    show({ height: 200 });
    const frame = screen.getByRole("region", { name: "Prices" });
    expect(frame.tabIndex).toBe(0);
    expect(frame.style.maxHeight).toBe("200px");
    expect(screen.getAllByRole("columnheader").map((head) => head.getAttribute("scope"))).toEqual([
      "col",
      "col",
    ]);
    expect(screen.getByRole("table").querySelector("caption")?.textContent).toBe("Prices");
  });

  it("offers nothing to press where no row can be chosen", () => {
    show();
    expect(screen.queryAllByRole("button")).toEqual([]);
    expect(screen.getAllByTestId("prices-row")[0]?.dataset.choosable).toBe("false");
  });

  it("has one button in each row that can be chosen, and one press chooses once", () => {
    const onChoose = vi.fn();
    show({ onChoose, chosen: 2 });
    const [first, second] = screen.getAllByTestId("prices-row");
    expect(second?.dataset.chosen).toBe("true");
    const button = within(first as HTMLElement).getByRole("button");
    expect(button.tabIndex).toBe(0);
    fireEvent.click(button); // so do Enter and the space bar
    expect(onChoose.mock.calls).toEqual([[ROWS[0]]]);
    fireEvent.click(within(second as HTMLElement).getByText("0.000000000000000001"));
    expect(onChoose.mock.calls).toEqual([[ROWS[0]], [ROWS[1]]]);
  });
});

describe("a choice of a few", () => {
  it("is a named group, with just one pressed", () => {
    const choose = vi.fn();
    const options = ["15m", "1h", "24h"] as const;
    render(<Choice name="Time shown" options={options} chosen="1h" choose={choose} testid="w" />);
    const group = screen.getByRole("group", { name: "Time shown" });
    const pressed = within(group).getAllByRole("button", { pressed: true });
    expect(pressed.map((each) => each.textContent)).toEqual(["1h"]);
    fireEvent.click(screen.getByTestId("w-24h"));
    expect(choose).toHaveBeenCalledExactlyOnceWith("24h");
  });
});

import type { ReactNode } from "react";
import styles from "./Table.module.css";

export interface Column<Row> {
  /** Stands in the head, and before the cell where rows become cards. */
  name: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand to the right, in figures of one width. */
  numeric?: boolean;
  /** Sentences: they wrap, but not into a pillar. */
  words?: boolean;
}

export interface TableProps<Row> {
  /** Says what the table is; read out, not shown. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  onChoose?: (row: Row) => void;
  chosen?: string | number | null;
  testid: string;
  /** Scrolls within this height (px), its head stays. */
  height?: number;
  /** On a phone each row becomes a card: for rows of many words. */
  cards?: boolean;
}

/** A plain table: sideways it scrolls in itself, never the page. Rows that can be chosen are reached by Tab. */
export function Table<Row>(props: TableProps<Row>) {
  const {
    caption,
    columns,
    rows,
    keyOf,
    onChoose,
    chosen = null,
    testid,
    height,
    cards = false,
  } = props;
  return (
    <section
      className={styles.frame}
      style={height ? { maxHeight: height } : undefined}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      aria-label={caption}
    >
      <table className={styles.table} data-cards={cards} data-testid={testid}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" data-numeric={column.numeric ?? false}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              data-testid={`${testid}-row`}
              data-chosen={keyOf(row) === chosen}
              data-choosable={onChoose !== undefined}
              onClick={onChoose ? () => onChoose(row) : undefined}
            >
              {columns.map((column, index) => (
                <td
                  key={column.name}
                  data-numeric={column.numeric ?? false}
                  data-words={column.words ?? false}
                  data-name={column.name}
                >
                  {onChoose && index === 0 ? (
                    // for the keyboard; the press itself goes on to the row, which hears it
                    <button type="button" className={styles.choose}>
                      {column.cell(row)}
                    </button>
                  ) : (
                    column.cell(row)
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

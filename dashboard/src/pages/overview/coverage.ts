import type { CoverageCell } from "../../api/answers.ts";

/** The share of expected ids that are accounted for; days whose ids cannot be counted are left out. */
export function wholeShare(cells: readonly CoverageCell[]): number | null {
  let expected = 0;
  let missing = 0;
  for (const cell of cells) {
    if (cell.expected === null) continue;
    expected += cell.expected;
    missing += cell.missing ?? 0;
  }
  return expected === 0 ? null : (expected - missing) / expected;
}

/** Whether each of these days is proved to be whole; 100 % without it means: nothing is known to be missing. */
export function isProved(cells: readonly CoverageCell[]): boolean {
  return cells.length > 0 && cells.every((cell) => cell.verdict.startsWith("complete"));
}

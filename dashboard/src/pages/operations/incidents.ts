/** In which order incidents are shown. Pure. */
import type { Incident } from "../../api/answers.ts";

export function isOver(incident: Incident): boolean {
  return incident.state === "resolved" || incident.resolved !== null;
}

const WEIGHTS: Record<string, number> = { critical: 0, warning: 1 };

/** Open ones first, of these the critical ones; then the newest. */
export function openFirst(incidents: readonly Incident[]): Incident[] {
  const weight = (each: Incident) => (isOver(each) ? 9 : (WEIGHTS[each.severity] ?? 2));
  return [...incidents].sort(
    (a, b) => weight(a) - weight(b) || Date.parse(b.since) - Date.parse(a.since),
  );
}

/** Which panels of Grafana are shown, and whether it lets itself be shown. No React in here. */
import type { Theme } from "../../app/preferences.ts";

export interface Embedded {
  /** The dashboard's, as in grafana/: kept for ever. */
  uid: string;
  panel: number;
  title: string;
  /** The chart of our own that stands for it. */
  own: "received" | "stored" | "receive" | "write";
}

export const EMBEDDED: readonly Embedded[] = [
  { uid: "alphapulse-ingestion", panel: 5, title: "Trades received", own: "received" },
  { uid: "alphapulse-ingestion", panel: 7, title: "Stored and repeated", own: "stored" },
  { uid: "alphapulse-latency", panel: 1, title: "Exchange to us", own: "receive" },
  { uid: "alphapulse-latency", panel: 2, title: "Into the database", own: "write" },
];

export const SPANS = { "15m": "15 minutes", "1h": "1 hour", "24h": "24 hours", "7d": "7 days" };
export type Span = keyof typeof SPANS;

/** The address of one panel alone. */
export function soloUrl(base: string, each: Embedded, theme: Theme, span: Span): string {
  const words = new URLSearchParams({
    orgId: "1",
    panelId: String(each.panel),
    from: `now-${span}`,
    to: "now",
    timezone: "utc",
    theme,
    refresh: "10s",
    "var-exchange": "$__all",
  });
  return `${plain(base)}/d-solo/${each.uid}/panel?${words}`;
}

export function dashboardUrl(base: string, uid: string): string {
  return `${plain(base)}/d/${uid}`;
}

function plain(base: string): string {
  return base.replace(/\/+$/, "");
}

/** `unknown`: this page's own policy does not let us find out; a frame may work all the same. */
export type Reach = "works" | "fails" | "unknown";

const PATIENCE_MS = 8000;

/**
 * Whether a page of Grafana can be shown in a frame: nobody answers, an error, or an answer that
 * forbids frames all read `fails`. A frame does not tell, an <object> does: it fires `error`.
 */
export function probe(url: string, page: Document = document): Promise<Reach> {
  const origin = new URL(url).origin;
  return new Promise((resolve) => {
    const object = page.createElement("object");
    const end = (reach: Reach) => {
      clearTimeout(timer);
      page.removeEventListener("securitypolicyviolation", forbidden);
      object.remove();
      resolve(reach);
    };
    const forbidden = (event: SecurityPolicyViolationEvent) => {
      if (event.blockedURI.startsWith(origin)) end("unknown");
    };
    const timer = setTimeout(() => end("fails"), PATIENCE_MS);
    page.addEventListener("securitypolicyviolation", forbidden);
    object.type = "text/html";
    object.width = object.height = "1";
    object.style.cssText = "position:absolute;left:-9999px";
    object.tabIndex = -1;
    object.setAttribute("aria-hidden", "true");
    object.onload = () => end("works");
    // the policy's own event comes first, but not in the same turn everywhere
    object.onerror = () => setTimeout(() => end("fails"), 50);
    object.data = url;
    page.body.append(object);
  });
}

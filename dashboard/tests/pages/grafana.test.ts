// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { EMBEDDED, probe, soloUrl } from "../../src/pages/operations/grafana.ts";

describe("Grafana's panels", () => {
  afterEach(() => vi.useRealTimers());
  const [first] = EMBEDDED;
  if (!first) throw new Error("no panel is embedded");
  const url = soloUrl("http://grafana.test:3000/", first, "light", "24h");

  it("are asked for one by one, by uids that stay", () => {
    const words = new URL(url);
    expect(words.pathname).toBe("/d-solo/alphapulse-ingestion/panel");
    expect(Object.fromEntries(words.searchParams)).toMatchObject({
      panelId: "5",
      from: "now-24h",
      theme: "light",
      "var-exchange": "$__all",
    });
  });

  const tried = () => document.querySelector("object");

  it("are shown when one of them loads", async () => {
    const found = probe(url);
    expect(tried()?.data).toBe(url);
    tried()?.dispatchEvent(new Event("load"));
    expect(await found).toBe("works");
    expect(tried()).toBeNull();
  });

  it("give way to our own charts when it is refused, or nobody answers", async () => {
    vi.useFakeTimers();
    const refused = probe(url);
    tried()?.dispatchEvent(new Event("error"));
    await vi.advanceTimersByTimeAsync(100);
    expect(await refused).toBe("fails");
    const silent = probe(url);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await silent).toBe("fails");
    expect(tried()).toBeNull();
  });

  it("are tried in frames where our own policy forbids to find out", async () => {
    const found = probe(url);
    const event = Object.assign(new Event("securitypolicyviolation"), {
      blockedURI: "http://grafana.test:3000/d-solo/x",
    });
    document.dispatchEvent(event);
    expect(await found).toBe("unknown");
  });
});

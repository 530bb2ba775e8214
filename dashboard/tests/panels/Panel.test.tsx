// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Announcer } from "../../src/panels/announce.ts";
import { Panel, type PanelProps } from "../../src/panels/Panel.tsx";
import { PANEL_STATES } from "../../src/panels/state.ts";

function show(props: Partial<PanelProps>) {
  return render(
    <Panel title="Rate" testid="rate" state="fresh" {...props}>
      <p>42</p>
    </Panel>,
  );
}

describe("a panel", () => {
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
  });

  it.each(PANEL_STATES)("says that it is %s", (state) => {
    show({ state, at: Date.now() });
    expect(screen.getByTestId("rate").dataset.state).toBe(state);
  });

  it("lets the age of what it shows tick although nothing comes", () => {
    vi.useFakeTimers();
    show({ state: "stale", at: Date.now() });
    act(() => void vi.advanceTimersByTime(12_000));
    expect(screen.getByTestId("age").textContent).toBe("12 s ago");
    expect(screen.getByText("Stale")).toBeTruthy();
  });

  it("shows an old value as old, and none where there never was one", () => {
    const { rerender } = show({ state: "disconnected", at: Date.now() });
    expect(screen.getByText("42").parentElement?.dataset.old).toBe("true");
    rerender(
      <Panel title="Rate" testid="rate" state="disconnected" at={null}>
        <p>42</p>
      </Panel>,
    );
    expect(screen.queryByText("42")).toBeNull();
  });

  it("shows no content while it loads or is empty, but what can be done", () => {
    show({ state: "empty-never", empty: "Run make up." });
    expect(screen.queryByText("42")).toBeNull();
    expect(screen.getByText("Run make up.")).toBeTruthy();
  });

  it("counts down to the next attempt and lets one try at once", () => {
    vi.useFakeTimers();
    const onRetry = vi.fn();
    show({ state: "disconnected", at: Date.now(), retryAt: Date.now() + 8000, onRetry });
    act(() => void vi.advanceTimersByTime(3000));
    expect(screen.getByText(/Next attempt in 5 s/)).toBeTruthy();
    screen.getByTestId("rate-retry").click();
    expect(onRetry).toHaveBeenCalledOnce();
  });

  it("shows an error in the API's words, with the id to ask about", () => {
    const problem = {
      title: "Busy",
      status: 503,
      detail: "too many",
      hint: "wait",
      request_id: "r1",
    };
    show({ state: "error", problem });
    expect(screen.getByTestId("rate-problem").textContent).toContain("Too many. Wait.");
    expect(screen.getByText("Copy request id")).toBeTruthy();
  });
});

describe("what screen readers are told", () => {
  it("comes at most once in five seconds, the newest word of each subject", () => {
    vi.useFakeTimers();
    const said: string[] = [];
    const announcer = new Announcer((text) => said.push(text));
    announcer.tell("a", "a: stale");
    vi.advanceTimersByTime(0);
    announcer.tell("a", "a: lost");
    announcer.tell("b", "b: stale");
    announcer.tell("a", "a: fresh");
    vi.advanceTimersByTime(4900);
    expect(said).toEqual(["a: stale"]);
    vi.advanceTimersByTime(200);
    expect(said).toEqual(["a: stale", "a: fresh. b: stale"]);
    vi.useRealTimers();
  });
});

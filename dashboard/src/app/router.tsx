import { type MouseEvent, type ReactNode, useCallback, useSyncExternalStore } from "react";

/** The address is the state: what a page shows can be sent to somebody as a link. */
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export function navigate(to: string, { replace = false } = {}): void {
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  for (const listener of listeners) listener();
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

/** A word of the query (`?market=kraken/BTC_USD`), and how to change it; null takes it out. */
export function useQueryWord(name: string): [string | null, (value: string | null) => void] {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  const change = useCallback(
    (value: string | null) => {
      navigate(withWord(name, value), { replace: true });
    },
    [name],
  );
  return [new URLSearchParams(search).get(name), change];
}

function withWord(name: string, value: string | null): string {
  const words = new URLSearchParams(window.location.search);
  if (value === null) words.delete(name);
  else words.set(name, value);
  const text = words.toString().replaceAll("%2F", "/");
  return window.location.pathname + (text ? `?${text}` : "");
}

export interface LinkProps {
  to: string;
  className?: string | undefined;
  isCurrent?: boolean;
  testid?: string;
  children: ReactNode;
}

/** A link within the dashboard: it behaves like every link (new tab, copy), but does not reload. */
export function Link({ to, className, isCurrent = false, testid, children }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a
      href={to}
      className={className}
      onClick={follow}
      aria-current={isCurrent ? "page" : undefined}
      data-testid={testid}
    >
      {children}
    </a>
  );
}

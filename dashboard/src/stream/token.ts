/** The token of the stream, for as long as this tab is open; it is part of no address. */
const PLACE = "alphapulse.stream-token";

export function streamToken(): string | null {
  try {
    return window.sessionStorage.getItem(PLACE);
  } catch {
    return null; // no storage: it is asked for each time
  }
}

export function keepStreamToken(token: string): void {
  window.sessionStorage.setItem(PLACE, token);
}

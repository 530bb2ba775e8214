import { useState } from "react";
import { keepStreamToken } from "../../stream/token.ts";
import styles from "./Live.module.css";

/** Where the owner has closed the stream (ALPHAPULSE_STREAM_TOKEN): asks for what opens it. */
export function TokenForm({ onGiven }: { onGiven: () => void }) {
  const [token, setToken] = useState("");
  return (
    <form
      className={styles.token}
      onSubmit={(event) => {
        event.preventDefault();
        keepStreamToken(token.trim());
        onGiven();
      }}
      data-testid="stream-token-form"
    >
      <label>
        This stream asks for a token{" "}
        <input
          type="password"
          autoComplete="off"
          value={token}
          onChange={(event) => setToken(event.target.value)}
          data-testid="stream-token"
        />
      </label>
      <button type="submit" disabled={!token.trim()} data-testid="stream-token-give">
        Open the stream
      </button>
    </form>
  );
}

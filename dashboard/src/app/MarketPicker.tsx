import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { MarketRow } from "../api/answers.ts";
import styles from "./MarketPicker.module.css";
import { navigate, usePath } from "./router.tsx";
import { useMarket, useMarkets } from "./useMarket.ts";

const SHOWN = 100;
const OF_MARKETS = ["/live", "/explore"]; // pages about one market; from all others it leads to the first

/** Chooses the market of the page: Ctrl-K or ⌘K, type a few letters, arrows, Enter. */
export function MarketPicker() {
  const [market, choose] = useMarket();
  const isShown = OF_MARKETS.includes(usePath());
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const hear = (event: globalThis.KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setOpen(true);
      }
    };
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, []);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <>
      <button
        type="button"
        className={styles.button}
        onClick={() => setOpen(true)}
        data-testid="market-picker"
      >
        <span className="visually-hidden">Market: </span>
        <span>{isShown || market === null ? (market ?? "No market yet") : "Go to a market"}</span>
        <kbd>Ctrl K</kbd>
      </button>
      <dialog
        ref={dialog}
        className={styles.dialog}
        aria-label="Choose a market"
        onClose={() => setOpen(false)}
        data-testid="market-dialog"
      >
        {open ? (
          <Choice
            onChoose={(key) => {
              if (isShown) choose(key);
              else navigate(`/live?market=${key}`);
              setOpen(false);
            }}
          />
        ) : null}
      </dialog>
    </>
  );
}

function Choice({ onChoose }: { onChoose: (key: string) => void }) {
  const markets = useMarkets().data?.markets;
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const found = useMemo(() => search(markets ?? [], words).slice(0, SHOWN), [markets, words]);
  const current = found[Math.min(at, found.length - 1)];
  const hear = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step)
      setAt((Math.min(at, found.length - 1) + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter" && current) onChoose(current.key);
    else return;
    event.preventDefault();
  };
  return (
    <div className={styles.choice}>
      <input
        type="search"
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={current ? `${id}-${current.key}` : undefined}
        aria-label="Market"
        placeholder="kraken btc"
        value={words}
        // biome-ignore lint/a11y/noAutofocus: the dialog was opened to type here
        autoFocus
        onChange={(event) => {
          setWords(event.target.value);
          setAt(0);
        }}
        onKeyDown={hear}
        data-testid="market-search"
      />
      <div id={id} role="listbox" aria-label="Markets" className={styles.list}>
        {found.map((row) => (
          <Option
            key={row.key}
            id={`${id}-${row.key}`}
            row={row}
            chosen={row === current}
            onChoose={onChoose}
          />
        ))}
      </div>
      {found.length === 0 ? <p className="muted">No market has these letters.</p> : null}
    </div>
  );
}

interface OptionProps {
  id: string;
  row: MarketRow;
  chosen: boolean;
  onChoose: (key: string) => void;
}

function Option({ id, row, chosen, onChoose }: OptionProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (chosen) place.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field above hears the keys of the list
    <div
      ref={place}
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={chosen}
      className={styles.option}
      onClick={() => onChoose(row.key)}
      data-testid={`market-option-${row.key}`}
    >
      <span>{row.symbol}</span>
      <span className="muted">{row.refused_at ? `${row.exchange}, refused` : row.exchange}</span>
    </div>
  );
}

/** Markets that have all the words, in any order and any spelling of the symbol's mark. */
export function search(markets: readonly MarketRow[], words: string): MarketRow[] {
  const wanted = words.toLowerCase().replace(/[-_/]/g, " ").split(/\s+/).filter(Boolean);
  return markets.filter((row) => {
    const text = row.key.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

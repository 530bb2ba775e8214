import { type KeyboardEvent, useId, useState } from "react";
import { announce } from "../../panels/announce.ts";
import { Choice } from "../../panels/Choice.tsx";
import { Panel } from "../../panels/Panel.tsx";
import type { PanelState } from "../../panels/state.ts";
import { Words } from "../../panels/Words.tsx";
import styles from "./Explore.module.css";
import { LANGUAGES, type Language, NOTES, type Subject, snippet } from "./snippets.ts";

const WHAT: readonly Subject["what"][] = ["trades", "candles"];

/** The same market and range for a terminal or a notebook. */
export function Snippets({ subject }: { subject: Omit<Subject, "what"> | null }) {
  const [language, choose] = useState<Language>("curl");
  const [what, setWhat] = useState<Subject["what"]>("trades");
  const id = useId();
  const state: PanelState = subject ? "fresh" : "loading";
  const text = subject ? snippet(language, { ...subject, what }) : "";
  return (
    <Panel
      title="Take it with you"
      testid="snippets"
      state={state}
      height={240}
      actions={
        <>
          <Choice
            name="What to get"
            options={WHAT}
            chosen={what}
            choose={setWhat}
            testid="snippet-what"
          />
          <Copy text={text} />
        </>
      }
    >
      <div className={styles.tabs} role="tablist" aria-label="Language" onKeyDown={hear(choose)}>
        {LANGUAGES.map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            id={`${id}-${each}`}
            aria-selected={each === language}
            aria-controls={`${id}-code`}
            tabIndex={each === language ? 0 : -1}
            onClick={() => choose(each)}
            data-testid={`snippet-${each.toLowerCase()}`}
          >
            {each}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-code`} aria-labelledby={`${id}-${language}`}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
        <pre className={styles.code} tabIndex={0} data-testid="snippet-text">
          <code>{text}</code>
        </pre>
        <p className="muted" style={{ paddingTop: "var(--space-2)" }}>
          <Words text={NOTES[language]} />
        </p>
      </div>
    </Panel>
  );
}

/** Arrow keys go from tab to tab, and take the focus along. */
function hear(choose: (language: Language) => void) {
  return (event: KeyboardEvent<HTMLElement>) => {
    const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")];
    const at = tabs.indexOf(event.target as HTMLElement);
    const to = next(event.key, at, tabs.length);
    const language = to === null ? undefined : LANGUAGES[to];
    if (to === null || !language) return;
    event.preventDefault();
    choose(language);
    tabs[to]?.focus();
  };
}

function next(key: string, at: number, many: number): number | null {
  if (key === "ArrowRight") return (at + 1) % many;
  if (key === "ArrowLeft") return (at - 1 + many) % many;
  if (key === "Home") return 0;
  return key === "End" ? many - 1 : null;
}

function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(text);
      announce("copy", "Copied");
    } catch {
      announce("copy", "The browser does not let us copy: mark the text instead");
    }
  };
  return (
    <button type="button" onClick={() => void copy()} data-testid="snippet-copy">
      {copied === text && text ? "Copied" : "Copy"}
    </button>
  );
}

import { useEffect, useState } from "react";
import type { Time } from "../../api/answers.ts";
import styles from "./Explore.module.css";
import { forField, readField } from "./range.ts";

export interface TimeFieldProps {
  name: string;
  value: Time;
  /** Called with a time that can be read, once it was written to its end. */
  onTime: (time: Time) => void;
  testid: string;
}

/** A moment in UTC, written as everywhere here: a browser's own field would write it in its country's way. */
export function TimeField({ name, value, onTime, testid }: TimeFieldProps) {
  const [text, setText] = useState(() => forField(value));
  useEffect(() => setText(forField(value)), [value]);
  const time = readField(text);
  const give = () => {
    setText(forField(value)); // until the range has taken it: a start behind the end is refused
    if (time !== null && time !== value) onTime(time);
  };
  return (
    <label>
      {name}
      <input
        className={styles.moment}
        value={text}
        size={16}
        placeholder="2026-01-31 12:00"
        spellCheck={false}
        autoComplete="off"
        aria-invalid={time === null}
        onChange={(event) => setText(event.target.value)}
        onBlur={give}
        onKeyDown={(event) => event.key === "Enter" && give()}
        data-testid={testid}
      />
    </label>
  );
}

import styles from "./Choice.module.css";

export interface ChoiceProps<T extends string> {
  /** What is chosen; read out. */
  name: string;
  options: readonly T[];
  chosen: T | null;
  choose: (option: T) => void;
  /** How an option reads, if not as it is. */
  wordsOf?: (option: T) => string;
  isDisabled?: (option: T) => boolean;
  testid: string;
}

/** A few buttons, one of them pressed. */
export function Choice<T extends string>({
  name,
  options,
  chosen,
  choose,
  wordsOf,
  isDisabled,
  testid,
}: ChoiceProps<T>) {
  return (
    <fieldset className={styles.choice}>
      <legend className="visually-hidden">{name}</legend>
      {options.map((option) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === chosen}
          disabled={isDisabled?.(option) ?? false}
          onClick={() => choose(option)}
          data-testid={`${testid}-${option}`}
        >
          {wordsOf?.(option) ?? option}
        </button>
      ))}
    </fieldset>
  );
}

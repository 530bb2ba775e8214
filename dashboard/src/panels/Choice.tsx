import styles from "./Choice.module.css";

export interface ChoiceProps<T extends string> {
  /** What is chosen; read out. */
  name: string;
  options: readonly T[];
  chosen: T;
  choose: (option: T) => void;
  testid: string;
}

/** A few buttons, one of them pressed. */
export function Choice<T extends string>({
  name,
  options,
  chosen,
  choose,
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
          onClick={() => choose(option)}
          data-testid={`${testid}-${option}`}
        >
          {option}
        </button>
      ))}
    </fieldset>
  );
}

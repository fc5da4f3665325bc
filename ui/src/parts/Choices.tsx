interface ChoicesProperties<Choice extends string> {
  readonly label: string;
  readonly choices: readonly (readonly [choice: Choice, says: string])[];
  readonly chosen: Choice;
  readonly onChoose: (choice: Choice) => void;
}

/** A few choices of which one holds. */
export function Choices<Choice extends string>({ label, choices, chosen, onChoose }: ChoicesProperties<Choice>) {
  return (
    <div className="switch" role="group" aria-label={label}>
      {choices.map(([choice, says]) => (
        <button key={choice} type="button" aria-pressed={choice === chosen} onClick={() => onChoose(choice)}>
          {says}
        </button>
      ))}
    </div>
  );
}

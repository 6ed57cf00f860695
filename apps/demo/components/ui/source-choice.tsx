import { choiceClass } from "./field";

interface SourceChoiceProps {
  /** For screen readers, for example "Machine". */
  legend: string;
  /** The name of the form field. */
  field: string;
  names: readonly string[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
}

/** Radio buttons for the source of a card's data. Renders nothing unless there are several. */
export function SourceChoice({ legend, field, names, chosen, onChoose }: SourceChoiceProps) {
  if (names.length < 2) return null;
  return (
    <fieldset className="flex flex-wrap gap-x-5 border-b border-line bg-sunken px-4 lg:py-1 text-sm sm:px-5">
      <legend className="sr-only">{legend}</legend>
      {names.map((name) => (
        <label key={name} className={choiceClass}>
          <input
            type="radio"
            name={field}
            className="size-4 accent-accent"
            checked={name === chosen}
            onChange={() => onChoose(name)}
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

import { useState } from "react";
import { Menu } from "../../parts/Menu";
import { useWords } from "../../words";

interface KeyMenuProperties {
  readonly label: string;
  readonly known: readonly string[];
  readonly chosen: readonly string[];
  readonly onChoose: (chosen: readonly string[]) => void;
  readonly say?: (key: string) => string;
}

/** Some of many names. */
export function KeyMenu({ label, known, chosen, onChoose, say = (key) => key }: KeyMenuProperties) {
  const { table } = useWords();
  const [wanted, setWanted] = useState("");
  return (
    <Menu label={`${label} ${chosen.length}`}>
      <input type="search" value={wanted} placeholder={table.filter} aria-label={label} onChange={(event) => setWanted(event.target.value)} />
      {known
        .filter((key) => key.toLowerCase().includes(wanted.toLowerCase()))
        .map((key) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={chosen.includes(key)}
              onChange={(event) => onChoose(event.target.checked ? [...chosen, key] : chosen.filter((other) => other !== key))}
            />
            {say(key)}
          </label>
        ))}
    </Menu>
  );
}

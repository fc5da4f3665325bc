import "./runs.css";
import { useCallback, useEffect, useState } from "react";
import type { HouseError } from "../../api/client";
import { Icon } from "../../shell/Icon";

const typingPause = 300;

interface SearchFieldProperties {
  readonly label: string;
  readonly hint: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly wrong: HouseError | null;
}

/** Asks when the typing pauses. */
export function SearchField({ label, hint, text, onChange, wrong }: SearchFieldProperties) {
  const [typed, setTyped] = useState(text);
  const [given, setGiven] = useState(text);
  if (given !== text) {
    setGiven(text);
    setTyped(text);
  }
  const commit = useCallback(
    (next: string) => {
      setGiven(next);
      onChange(next);
    },
    [onChange],
  );
  useEffect(() => {
    if (typed === text) return undefined;
    const timer = setTimeout(() => commit(typed), typingPause);
    return () => clearTimeout(timer);
  }, [typed, text, commit]);
  return (
    <label className="runs-search" data-wrong={wrong !== null}>
      <Icon name="search" size={13} />
      <input type="search" value={typed} placeholder={hint} aria-label={label} spellCheck={false} onChange={(event) => setTyped(event.target.value)} />
    </label>
  );
}

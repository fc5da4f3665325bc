import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";

/** A piece of page state that lives in the address, so that a link shows the same view. */
export function useUrlState(name: string, otherwise = ""): [string, (value: string) => void] {
  const [parameters, setParameters] = useSearchParams();
  const value = parameters.get(name) ?? otherwise;
  const change = useCallback(
    (next: string) => {
      setParameters(
        (before) => {
          const after = new URLSearchParams(before);
          if (next === otherwise) after.delete(name);
          else after.set(name, next);
          return after;
        },
        { replace: true },
      );
    },
    [name, otherwise, setParameters],
  );
  return [value, change];
}

/** The same for one of a few fixed choices; anything else in the address means the first one. */
export function useUrlChoice<Choice extends string>(
  name: string,
  choices: readonly [Choice, ...Choice[]],
): [Choice, (value: Choice) => void] {
  const [value, change] = useUrlState(name, choices[0]);
  return [choices.find((choice) => choice === value) ?? choices[0], change];
}

/** A list in the address; `otherwise` stands for a list that nobody has chosen yet. */
export function useUrlList(name: string, otherwise: readonly string[]): [readonly string[], (values: readonly string[]) => void] {
  const [text, setText] = useUrlState(name, "\u0000");
  const values = useMemo(() => (text === "" ? [] : text.split(",").map(decodeURIComponent)), [text]);
  const change = useCallback((next: readonly string[]) => setText(next.map(encodeURIComponent).join(",")), [setText]);
  return [text === "\u0000" ? otherwise : values, change];
}

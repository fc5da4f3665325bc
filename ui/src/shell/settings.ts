import { useSyncExternalStore } from "react";

export const themes = ["auto", "light", "dark"] as const;
export const languages = ["en", "ko"] as const;
export type Theme = (typeof themes)[number];
export type Language = (typeof languages)[number];

export interface Settings {
  readonly theme: Theme;
  readonly language: Language;
}

const storageKey = "ondol.settings";
const listeners = new Set<() => void>();
let current = read();

function pick<Choice extends string>(choices: readonly Choice[], value: unknown, otherwise: Choice): Choice {
  return choices.find((choice) => choice === value) ?? otherwise;
}

function read(): Settings {
  let stored: Partial<Record<keyof Settings, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(storageKey) ?? "{}");
    if (typeof parsed === "object" && parsed !== null) stored = parsed;
  } catch {
    // Storage may be forbidden or hold something old: the defaults below are then right.
  }
  const preferred = navigator.language.startsWith("ko") ? "ko" : "en";
  return {
    theme: pick(themes, stored.theme, "auto"),
    language: pick(languages, stored.language, preferred),
  };
}

function show(settings: Settings): void {
  document.documentElement.lang = settings.language;
  document.documentElement.dataset["theme"] = settings.theme;
}

function announce(): void {
  show(current);
  for (const listener of listeners) listener();
}

export function changeSettings(change: Partial<Settings>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(storageKey, JSON.stringify(current));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  announce();
}

export function useSettings(): Settings {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

const darkSystem = matchMedia("(prefers-color-scheme: dark)");

/** The theme on the screen: `auto` answered by the system. For canvases, which cannot use CSS variables. */
export function useShownTheme(): "light" | "dark" {
  const { theme } = useSettings();
  const systemIsDark = useSyncExternalStore(
    (listener) => {
      darkSystem.addEventListener("change", listener);
      return () => darkSystem.removeEventListener("change", listener);
    },
    () => darkSystem.matches,
  );
  if (theme !== "auto") return theme;
  return systemIsDark ? "dark" : "light";
}

addEventListener("storage", (event) => {
  if (event.key !== storageKey) return;
  current = read();
  announce();
});

show(current);

import { useSettings, type Language } from "../shell/settings";
import { en, type Words } from "./en";
import { ko } from "./ko";

const dictionaries: Record<Language, Words> = { en, ko };

export type { Words };

export function useWords(): Words {
  return dictionaries[useSettings().language];
}

export interface Format {
  readonly number: (value: number, digits?: number) => string;
  /** With all its digits, so that a column of metrics lines up. */
  readonly metric: (value: number, digits?: number) => string;
  readonly percent: (share: number, digits?: number) => string;
  /** 12,345,678 as 12.3M, or 1,234만 in Korean. */
  readonly compact: (value: number) => string;
  readonly seconds: (seconds: number) => string;
  readonly bytes: (bytes: number) => string;
  readonly day: (at: Date) => string;
  readonly dayOfMonth: (at: Date) => string;
  readonly month: (at: Date) => string;
  readonly clock: (at: Date) => string;
  readonly moment: (at: Date) => string;
}

// The house keeps all its times in UTC, and a page must read the same for everyone who looks at it.
const timeZone = "UTC";

function formatsOf(language: Language): Format {
  const words = language === "ko" ? "ko-KR" : "en-GB";
  // A format takes far longer to make than to use, and tables say thousands of numbers.
  const made = new Map<number, Intl.NumberFormat>();
  const plain = (digits: number): Intl.NumberFormat => {
    const known = made.get(digits) ?? new Intl.NumberFormat(words, { maximumFractionDigits: digits });
    made.set(digits, known);
    return known;
  };
  const dates = (options: Intl.DateTimeFormatOptions): ((at: Date) => string) => {
    const format = new Intl.DateTimeFormat(words, { timeZone, ...options });
    return (at) => (Number.isNaN(at.getTime()) ? "–" : format.format(at));
  };
  const compact = new Intl.NumberFormat(words, { notation: "compact", maximumFractionDigits: 1 });
  return {
    number: (value, digits = 3) => plain(digits).format(value),
    metric: (value, digits = 3) =>
      new Intl.NumberFormat(words, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value),
    percent: (share, digits = 1) =>
      new Intl.NumberFormat(words, { style: "percent", maximumFractionDigits: digits }).format(share),
    compact: (value) => compact.format(value),
    seconds: (seconds) => secondsIn(words, seconds),
    bytes: (bytes) => bytesIn(words, bytes),
    day: dates({ day: "numeric", month: "short", year: "numeric" }),
    dayOfMonth: dates({ day: "numeric", month: "short" }),
    month: dates({ month: "short", year: "numeric" }),
    clock: dates({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    moment: dates({
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    }),
  };
}

function withUnit(words: string, value: number, unit: string): string {
  const maximumFractionDigits = Math.abs(value) < 10 ? 1 : 0;
  return new Intl.NumberFormat(words, { style: "unit", unit, unitDisplay: "narrow", maximumFractionDigits }).format(value);
}

function secondsIn(words: string, seconds: number): string {
  if (seconds < 1) return withUnit(words, seconds * 1000, "millisecond");
  if (seconds < 90) return withUnit(words, seconds, "second");
  if (seconds < 90 * 60) return withUnit(words, seconds / 60, "minute");
  if (seconds < 48 * 3600) return withUnit(words, seconds / 3600, "hour");
  return withUnit(words, seconds / 86_400, "day");
}

function bytesIn(words: string, bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return withUnit(words, bytes / 1000 ** step, units[step] ?? "byte");
}

const formats: Record<Language, Format> = { en: formatsOf("en"), ko: formatsOf("ko") };

export function useFormat(): Format {
  const { language } = useSettings();
  return formats[language];
}

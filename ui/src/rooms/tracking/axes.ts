import { linear, ticksOf } from "../../charts/scale";
import { numberOf, valueOf, type Run } from "./search";

/** How values of one column are laid along a line from `start` to `end`. */
export interface AxisScale {
  readonly column: string;
  /** Undefined for a run without a value. */
  readonly place: (run: Run) => number | undefined;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
  readonly isNumber: boolean;
}

const mostWords = 40;
const decades = 2;

/** Columns whose values differ: what a picture can show. Numbers, and words if they are few. */
export function differingColumns(runs: readonly Run[], columns: readonly string[]): string[] {
  return columns.filter((column) => {
    const values = new Set(runs.map((run) => String(valueOf(run, column) ?? "")));
    if (values.size < 2) return false;
    return values.size <= mostWords || runs.some((run) => numberOf(valueOf(run, column)) !== undefined);
  });
}

/** Numbers stand by their size, by their power of ten when they span many; words stand evenly. */
export function scaleOf(runs: readonly Run[], column: string, [start, end]: readonly [number, number], say: (value: number) => string): AxisScale {
  const values = runs.map((run) => valueOf(run, column)).filter((value) => value !== undefined && value !== null && value !== "");
  const numbers = values.map(numberOf).filter((value) => value !== undefined && Number.isFinite(value)) as number[];
  if (numbers.length === 0 || numbers.length < values.length / 2) return wordScale(runs, column, [start, end]);
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const isLog = low > 0 && Math.log10(high / low) > decades;
  const fit = isLog ? Math.log10 : (value: number): number => value;
  const room = (fit(high) - fit(low)) * 0.02;
  const scale = linear(low === high ? [low - 1, high + 1] : [fit(low) - room, fit(high) + room], [start, end]);
  const wanted = Math.abs(end - start) / 46;
  const marks = isLog ? powers(low, high) : ticksOf(low, high, wanted);
  return {
    column,
    isNumber: true,
    ticks: marks.map((value) => ({ at: scale(fit(value)), label: say(value) })),
    place: (run) => {
      const value = numberOf(valueOf(run, column));
      return value === undefined || !Number.isFinite(value) ? undefined : scale(fit(value));
    },
  };
}

function powers(low: number, high: number): number[] {
  const found: number[] = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.floor(Math.log10(high)); power += 1) found.push(10 ** power);
  return found;
}

function wordScale(runs: readonly Run[], column: string, ends: readonly [number, number]): AxisScale {
  const said = (run: Run): string => String(valueOf(run, column) ?? "");
  const words = [...new Set(runs.map(said))].filter((word) => word !== "").sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
  const scale = linear([-0.5, words.length - 0.5], ends);
  const places = new Map(words.map((word, index) => [word, scale(index)]));
  return {
    column,
    isNumber: false,
    ticks: words.length > mostWords ? [] : words.map((word, index) => ({ at: scale(index), label: word })),
    place: (run) => places.get(said(run)),
  };
}

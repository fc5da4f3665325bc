import type { Format } from "../words";

const hour = 3_600_000;
const day = 24 * hour;
const steps = [hour / 60, hour / 12, hour / 4, hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day];
const monthSteps = [1, 2, 3, 6, 12];

/** How a moment is named on an axis whose marks are `step` milliseconds apart. */
export function timeLabel(at: number, step: number, format: Format): string {
  const date = new Date(at);
  if (step < day) return at % day === 0 ? format.dayOfMonth(date) : format.clock(date);
  return step < 28 * day ? format.dayOfMonth(date) : format.month(date);
}

/** Moments a person would choose: whole hours, days or months, at most `most` of them. */
export function timeTicks(start: number, end: number, most: number, format: Format): { at: number; label: string }[] {
  if (!(end > start)) return [];
  const step = steps.find((size) => (end - start) / size <= most);
  const ticks: { at: number; label: string }[] = [];
  if (step !== undefined) {
    for (let at = Math.ceil(start / step) * step; at <= end; at += step) ticks.push({ at, label: timeLabel(at, step, format) });
    return ticks;
  }
  const months = monthSteps.find((count) => (end - start) / (count * 30.4 * day) <= most) ?? 12;
  const first = new Date(start);
  for (let month = 0; ; month += months) {
    const at = Date.UTC(first.getUTCFullYear(), Math.ceil(first.getUTCMonth() / months) * months + month);
    if (at > end) return ticks;
    if (at >= start) ticks.push({ at, label: timeLabel(at, 30 * day, format) });
  }
}

/** Round values at and around a range, about `wanted` of them. */
export function ticksOf(low: number, high: number, wanted: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks: number[] = [];
  for (let index = Math.ceil(low / step); index * step <= high + step * 1e-9; index += 1) ticks.push(index * step);
  return ticks;
}

/** Maps one range onto another. */
export function linear(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
): (value: number) => number {
  const factor = high === low ? 0 : (end - start) / (high - low);
  return (value) => start + (value - low) * factor;
}

/** About how wide a text is in the small size: good enough to keep labels from running into each other. */
export function textWidth(text: string): number {
  let width = 0;
  for (const letter of text) width += letter > "\u1100" ? 11.5 : 6.4;
  return width;
}

/** The colours a chart may use: six for series, and the ones with a meaning. */
export type ChartTone =
  | "series-1"
  | "series-2"
  | "series-3"
  | "series-4"
  | "series-5"
  | "series-6"
  | "ember"
  | "good"
  | "warn"
  | "bad"
  | "busy"
  | "calm";

const seriesTones = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"] as const;

export function toneAt(index: number): ChartTone {
  return seriesTones[index % seriesTones.length] ?? "calm";
}

export function toneColour(tone: ChartTone): string {
  return `var(--${tone})`;
}

/** The value a CSS variable has on the screen now. Canvases need it; `light-dark()` is only answered on an element. */
export function readColour(near: Element, variable: string): string {
  const probe = document.createElement("span");
  probe.hidden = true;
  probe.style.color = `var(--${variable})`;
  near.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

export function withAlpha(colour: string, alpha: number): string {
  return colour.replace(/^rgba?\((\d+), (\d+), (\d+).*$/, `rgba($1, $2, $3, ${alpha})`);
}

export interface DiffLine {
  readonly sign: " " | "-" | "+" | "…";
  readonly text: string;
}

const mostLines = 3000;
const context = 3;

/**
 * Which lines went and which came, by the longest common subsequence of what lies between the equal ends.
 * Undefined when there is too much between them to compare while somebody waits.
 */
export function lineDiff(before: string, after: string): DiffLine[] | undefined {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let same = 0;
  while (same < old.length - start && same < fresh.length - start && old.at(-1 - same) === fresh.at(-1 - same)) same += 1;
  const middle = between(old.slice(start, old.length - same), fresh.slice(start, fresh.length - same));
  if (middle === undefined) return undefined;
  const kept = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ sign: " ", text }));
  return withoutFarLines([...kept(old.slice(0, start)), ...middle, ...kept(old.slice(old.length - same))]);
}

function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function between(old: readonly string[], fresh: readonly string[]): DiffLine[] | undefined {
  if (old.length > mostLines || fresh.length > mostLines) return undefined;
  const width = fresh.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      const at = row * width + column;
      common[at] = old[row] === fresh[column] ? (common[at + width + 1] ?? 0) + 1 : Math.max(common[at + width] ?? 0, common[at + 1] ?? 0);
    }
  }
  const lines: DiffLine[] = [];
  let [row, column] = [0, 0];
  while (row < old.length || column < fresh.length) {
    const at = row * width + column;
    if (row < old.length && column < fresh.length && old[row] === fresh[column]) {
      lines.push({ sign: " ", text: old[row] ?? "" });
      row += 1;
      column += 1;
    } else if (column === fresh.length || (row < old.length && (common[at + width] ?? 0) >= (common[at + 1] ?? 0))) {
      lines.push({ sign: "-", text: old[row] ?? "" });
      row += 1;
    } else {
      lines.push({ sign: "+", text: fresh[column] ?? "" });
      column += 1;
    }
  }
  return lines;
}

/** Changes with a few lines around them; what is left out becomes one mark. */
function withoutFarLines(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Uint8Array(lines.length);
  for (const [index, { sign }] of lines.entries()) {
    if (sign !== " ") near.fill(1, Math.max(0, index - context), index + context + 1);
  }
  return lines.flatMap((line, index): DiffLine[] => {
    if (near[index] === 1) return [line];
    return index === 0 || near[index - 1] === 1 ? [{ sign: "…", text: "" }] : [];
  });
}

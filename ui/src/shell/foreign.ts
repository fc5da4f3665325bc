const places: readonly (readonly [from: RegExp, to: (found: readonly string[]) => string])[] = [
  [/^#\/experiments\/[^/?]+\/runs\/([^/?]+)/, ([run = ""]) => `/runs/${run}`],
  [/^#\/experiments\/([^/?]+)\/traces/, ([experiment = ""]) => `/traces?experiment=${experiment}`],
  [/^#\/experiments\/([^/?]+)/, ([experiment = ""]) => `/experiments/${experiment}`],
  [/^#\/(?:models|prompts)\/([^/?]+)/, ([model = ""]) => `/models/${model}`],
  [/^#\/models/, () => "/models"],
];

/** The page that a link of MLflow's clients means ("View run at: .../#/experiments/1/runs/..."); undefined for any other address. */
export function pageOfMlflowLink(hash: string): string | undefined {
  for (const [from, to] of places) {
    const found = from.exec(hash);
    if (found !== null) return to(found.slice(1));
  }
  return undefined;
}

const drawings = {
  story: "M3 3v10M3 4.5h6M3 8h10M3 11.5h4M9 4.5h.01M13 8h.01M7 11.5h.01",
  data: "M2.5 4c0-1.1 2.5-2 5.5-2s5.5.9 5.5 2-2.5 2-5.5 2-5.5-.9-5.5-2zM2.5 4v8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2V4M2.5 8c0 1.1 2.5 2 5.5 2s5.5-.9 5.5-2",
  features: "M2 3h4v4H2zM10 3h4v4h-4zM2 10h4v4H2zM12 9.5v5M9.5 12h5",
  runs: "M8 2a6 6 0 1 0 6 6M8 4.5V8l2.5 1.5M11 2.5l2.5 2",
  pipelines: "M2 2.5h4v3H2zM10 6.5h4v3h-4zM2 10.5h4v3H2zM6 4h2v4h2M6 12h2V8",
  models: "M8 1.8l5.5 3.1v6.2L8 14.2l-5.5-3.1V4.9zM2.7 5L8 8l5.3-3M8 8v6",
  endpoints: "M2 8h4M6 8l6-4.5M6 8h7M6 8l6 4.5M13.5 3.5h.01M14 8h.01M13.5 12.5h.01",
  drift: "M1.5 12c2 0 2-7 4-7s2 7 4 7M6.5 12c2 0 2-9 4-9s2 9 4 9",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  system: "M2 3h12v8H2zM6 14h4M8 11v3",
  clock: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.5V8l2.5 1.5",
  replay: "M2.5 4v8l5-4zM8.5 4v8l5-4z",
  up: "M8 12V4M4.5 7.5L8 4l3.5 3.5",
  down: "M8 4v8M4.5 8.5L8 12l3.5-3.5",
  tick: "M3.5 8.5l3 3 6-7",
  gap: "M4 8h8",
  folded: "M6 3.5l4.5 4.5L6 12.5",
  unfolded: "M3.5 6L8 10.5 12.5 6",
  sql: "M3 4.5l3.5 3.5L3 11.5M8 12h5",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5L14 14",
} as const;

export type IconName = keyof typeof drawings;

/** Decoration next to a word, or inside a control that has its own label: never the only name of anything. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={drawings[name]} />
    </svg>
  );
}

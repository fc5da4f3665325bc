/** One series with moments of its own. */
export interface Track {
  readonly points: readonly { readonly at: Date; readonly value: number | null }[];
  /** Its values hold until the next one, so it has one at every later moment. */
  readonly holds?: boolean;
}

export interface Aligned {
  readonly times: readonly Date[];
  readonly values: readonly (readonly (number | null)[])[];
}

/** Puts series with different moments on one time axis; null where a series says nothing. */
export function align(tracks: readonly Track[]): Aligned {
  const moments = new Set(tracks.flatMap(({ points }) => points.map(({ at }) => at.getTime())));
  const times = [...moments].sort((one, other) => one - other);
  const values = tracks.map(({ points, holds = false }) => {
    const known = new Map(points.map(({ at, value }) => [at.getTime(), value]));
    let held: number | null = null;
    return times.map((time) => {
      const value = known.get(time);
      if (value !== undefined) held = value;
      return value ?? (holds ? held : null);
    });
  });
  return { times: times.map((time) => new Date(time)), values };
}

import { useCallback, useMemo } from "react";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { align, type Track } from "../../charts/align";
import type { PlotSeries } from "../../charts/plot";
import { TimeSeries } from "../../charts/TimeSeries";
import { useFormat, useWords } from "../../words";
import { useHistory } from "./marks";

type Worth = Schema<"Worth">;

const day = 86_400_000;

interface QualityProperties {
  readonly endpoint: string;
  readonly height?: number;
  /** Also the expectation that the checks compare with. */
  readonly withExpected?: boolean;
}

/** AUC of the answers given, of what the first champion would have answered, and of the checks between. */
export function QualityChart({ endpoint, height = 200, withExpected = false }: QualityProperties) {
  const { serving: words } = useWords();
  const format = useFormat();
  const { marks, spans } = useHistory(endpoint);
  const path = { endpoint };
  const worth = useWorth(endpoint).data;
  const { data: checks } = useGet("/v1/monitors/{endpoint}/quality", { path }, { live: ["DriftChecked"], atMost: 3000 });
  const { times, series } = useMemo(() => {
    const checked = (checks ?? []).filter(({ quality }) => quality.auc !== null);
    const months = monthsOf(worth, checked.at(-1)?.at);
    const tracks: Track[] = [
      { points: months.map(({ at, served }) => ({ at, value: served })), holds: true },
      { points: months.map(({ at, frozen }) => ({ at, value: frozen })), holds: true },
      { points: checked.map(({ at, quality }) => ({ at: new Date(at), value: quality.auc })) },
      { points: checked.map(({ at, quality }) => ({ at: new Date(at), value: quality.expected_auc })), holds: true },
    ];
    const styles: Omit<PlotSeries, "values">[] = [
      { label: words.served, tone: "ember", stepped: true },
      { label: words.frozen(worth?.frozen ?? 1), tone: "calm", stepped: true, dashed: true },
      { label: words.checked, tone: "series-2", dots: true },
      { label: words.expected, tone: "series-6", stepped: true, dashed: true },
    ];
    const wanted = styles.map((style, index) => ({ style, track: tracks[index] ?? { points: [] } }));
    const shown = wanted.filter(({ style, track }) => track.points.length > 0 && (withExpected || style.label !== words.expected));
    const aligned = align(shown.map(({ track }) => track));
    return { times: aligned.times, series: shown.map(({ style }, index) => ({ ...style, values: aligned.values[index] ?? [] })) };
  }, [worth, checks, withExpected, words]);
  const say = useCallback((value: number) => format.metric(value), [format]);
  return <TimeSeries label={words.quality} times={times} series={series} marks={marks} spans={spans} say={say} height={height} />;
}

/** What the loop was worth. It scores every labelled row with two models, so it is asked for seldom. */
export function useWorth(endpoint: string) {
  return useGet(
    "/v1/endpoints/{endpoint}/worth",
    { path: { endpoint } },
    { live: ["LoopClosed", "DriftChecked"], atMost: 20_000, enabled: endpoint !== "" },
  );
}

interface MonthPoint {
  readonly at: Date;
  readonly served: number;
  readonly frozen: number;
}

/** The months' values at their beginnings, and the last one once more where it ends, so that its step is drawn. */
function monthsOf(worth: Worth | undefined, lastCheck: string | undefined): MonthPoint[] {
  const points = (worth?.months ?? []).map((month) => ({
    at: new Date(`${month.month}-01T00:00:00Z`),
    served: month.auc_served,
    frozen: month.auc_frozen,
  }));
  const last = points.at(-1);
  if (last === undefined) return [];
  const next = Date.UTC(last.at.getUTCFullYear(), last.at.getUTCMonth() + 1);
  const seen = lastCheck === undefined ? next : Math.max(Date.parse(lastCheck), last.at.getTime() + day);
  return [...points, { ...last, at: new Date(Math.min(next, seen)) }];
}

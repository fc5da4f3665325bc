import { useMemo } from "react";
import type { Schema } from "../../api/client";
import { Histograms } from "../../charts/Histograms";
import { DataTable, type Column } from "../../parts/DataTable";
import { Card, Grid } from "../../parts/Page";
import { Badge, Figure, Figures, Moment } from "../../parts/Values";
import { useFormat, useWords, type Format } from "../../words";

type Check = Schema<"Check">;
type FeatureDrift = Schema<"FeatureDrift">;

const mostHistograms = 9;

/** The figures of a check: quality, how far each feature moved, and the histograms of those that moved most. */
export function CheckView({ check, named = [] }: { readonly check: Check; readonly named?: readonly string[] }) {
  const words = useWords().monitoring;
  const ordered = useMemo(() => {
    const place = ({ feature }: FeatureDrift): number => (named.includes(feature) ? named.indexOf(feature) : named.length);
    return check.features.toSorted((one, other) => place(one) - place(other) || other.psi - one.psi);
  }, [check, named]);
  return (
    <>
      <QualityFigures check={check} />
      <Grid>
        {ordered.slice(0, mostHistograms).map((drift) => (
          <HistogramCard key={drift.feature} drift={drift} />
        ))}
      </Grid>
      <Card title={words.table} aside={words.psiHint} flush>
        <DriftTable rows={ordered} />
      </Card>
    </>
  );
}

function QualityFigures({ check: { quality, since, until } }: { readonly check: Check }) {
  const words = useWords().monitoring;
  const format = useFormat();
  const { auc, expected_auc: expected, auc_error: error } = quality;
  const worse = auc !== null && expected !== null && auc < expected;
  return (
    <Figures>
      <Figure
        label={words.auc}
        value={auc === null ? "–" : format.metric(auc)}
        note={error === null ? "" : `± ${format.metric(error)}`}
        {...(worse ? { tone: "warn" as const } : {})}
      />
      <Figure label={words.expected} value={expected === null ? "–" : format.metric(expected)} />
      <Figure label={words.rows} value={format.number(quality.rows)} note={`${words.labelled} ${format.number(quality.labelled_rows)}`} />
      <Figure label={words.positive} value={quality.positive_share === null ? "–" : format.percent(quality.positive_share)} />
      <Figure
        label={words.window}
        value={<Moment at={since} as="dayOfMonth" />}
        note={
          <>
            – <Moment at={until} as="dayOfMonth" />
          </>
        }
      />
    </Figures>
  );
}

function HistogramCard({ drift }: { readonly drift: FeatureDrift }) {
  const words = useWords().monitoring;
  const format = useFormat();
  const { baseline, live } = drift;
  return (
    <Card
      title={drift.feature}
      span={4}
      aside={<Badge tone={drift.drifted ? "warn" : "calm"}>{`${words.psi} ${format.number(drift.psi, 2)}`}</Badge>}
    >
      <Histograms label={drift.feature} bins={{ edges: baseline.edges }} baseline={baseline.shares} live={live.shares} height={120} />
      {(baseline.missing > 0 || live.missing > 0) && (
        <p className="soft small">{words.missing(format.percent(baseline.missing), format.percent(live.missing))}</p>
      )}
    </Card>
  );
}

function driftColumns(words: ReturnType<typeof useWords>["monitoring"], format: Format): Column<FeatureDrift>[] {
  const mean = (value: number | null): string => (value === null ? "–" : format.number(value, 3));
  return [
    { id: "feature", title: words.feature, value: ({ feature }) => feature, show: ({ feature }) => <b>{feature}</b> },
    {
      id: "psi",
      title: words.psi,
      number: true,
      value: ({ psi }) => psi,
      show: ({ psi, drifted }) => (drifted ? <Badge tone="warn">{format.metric(psi)}</Badge> : format.metric(psi)),
    },
    { id: "importance", title: words.importance, number: true, value: ({ importance }) => importance, show: ({ importance }) => format.percent(importance) },
    { id: "before", title: words.baselineMean, number: true, value: (row) => row.baseline_mean, show: (row) => mean(row.baseline_mean) },
    { id: "now", title: words.liveMean, number: true, value: (row) => row.live_mean, show: (row) => mean(row.live_mean) },
  ];
}

function DriftTable({ rows }: { readonly rows: readonly FeatureDrift[] }) {
  const words = useWords().monitoring;
  const format = useFormat();
  const columns = useMemo(() => driftColumns(words, format), [words, format]);
  return <DataTable name="drift" label={words.table} columns={columns} rows={rows} rowKey={({ feature }) => feature} order="-psi" height={420} />;
}

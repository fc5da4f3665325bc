import "./features.css";
import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Distribution, useRange } from "../../parts/Distribution";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { Records } from "../../parts/Records";
import { Thing, lineageOf } from "../../parts/Thing";
import { UsesTable } from "../../parts/Uses";
import { Badge, DayFigure, Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type ViewCard = Schema<"ViewCard">;
type FeatureCard = Schema<"FeatureCard">;

const live = ["ViewMaterialized", "ViewDeclared", "TrainingSetBuilt", "ProjectApplied"];

export default function ViewPage({ view: name = "" }: { readonly view?: string }) {
  const { features: words } = useWords();
  const card = useGet("/v1/features/{feature}", { path: { feature: name } }, { live, atMost: 2000 });
  const about = card.data?.description;
  return (
    <Page title={name} above={{ href: "/features", title: words.name }} {...(about === undefined ? {} : { lead: about })}>
      <Answered from={card}>
        {(found) => (
          <>
            <Summary card={found} />
            <Features card={found} />
            <Grid>
              <About card={found} />
              <Card title={words.usedBy} aside={found.used_by.length} span={7} flush>
                {found.used_by.length === 0 ? <p className="card-words soft">{words.usedByNobody}</p> : <UsesTable rows={found.used_by} />}
              </Card>
            </Grid>
            <Grid>
              <History card={found} />
              <ValuesNow view={found.name} />
            </Grid>
          </>
        )}
      </Answered>
    </Page>
  );
}

function Summary({ card }: { readonly card: ViewCard }) {
  const { features: words } = useWords();
  const format = useFormat();
  const view = useGet("/v1/feature-views/{view}", { path: { view: card.name } }, { live, atMost: 2000 });
  const freshness = view.data?.freshness;
  const isBehind = card.behind_versions > 0;
  const behind = freshness?.behind_seconds ?? null;
  return (
    <Figures>
      <Figure label={words.onlineKeys} value={format.number(card.online_keys)} />
      <Figure
        label={words.onlineVersion}
        value={card.online_version < 0 ? "–" : card.online_version}
        note={words.ofVersion(card.dataset_version)}
        {...(isBehind ? { tone: "warn" as const } : {})}
      />
      <DayFigure label={words.newestOffline} at={card.newest} />
      <Figure
        label={words.newestOnline}
        value={freshness?.newest ? <Moment at={freshness.newest} as="dayOfMonth" /> : "–"}
        note={behind === null ? undefined : behind <= 0 ? words.upToDate : words.behind(format.seconds(behind))}
        {...(freshness?.stale_since ? { tone: "bad" as const } : {})}
      />
      <Figure label={words.computed} value={format.number(card.computed)} note={words.computedNote(format.number(card.computed_for_training))} />
    </Figures>
  );
}

function Features({ card }: { readonly card: ViewCard }) {
  const { features: words, lake, common } = useWords();
  const format = useFormat();
  const sayRange = useRange();
  const service = card.used_by.find(({ kind }) => kind === "feature_service")?.name ?? "";
  const checks = useGet("/v1/skew-checks", { query: { service, limit: 1 } }, { enabled: service !== "", live: ["SkewAlarm"], atMost: 5000 });
  const skew = useMemo(() => new Map(checks.data?.[0]?.features.map((each) => [each.feature, each])), [checks.data]);
  const columns = useMemo(
    (): Column<FeatureCard>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <b>{name}</b> },
      { id: "definition", title: words.definition, value: ({ definition }) => definition, show: ({ definition }) => <code>{definition}</code> },
      { id: "about", title: common.about, value: ({ description }) => description || undefined },
      {
        id: "nulls",
        title: lake.nulls,
        number: true,
        value: ({ profile }) => (profile === null || profile.rows === 0 ? undefined : profile.nulls / profile.rows),
        show: ({ profile }) => (profile === null || profile.rows === 0 ? "–" : format.percent(profile.nulls / profile.rows)),
      },
      { id: "range", title: lake.values, value: ({ profile }) => (profile === null ? undefined : sayRange(profile)) },
      {
        id: "quantiles",
        title: words.quantiles,
        value: ({ profile }) => (profile === null || profile.quantiles.length === 0 ? undefined : profile.quantiles.map((value) => format.number(value, 3)).join("  ")),
      },
      {
        id: "skew",
        title: words.skew,
        number: true,
        value: ({ name }) => skew.get(name)?.share,
        show: ({ name }) => <Skew of={skew.get(name)} />,
      },
      { id: "shape", title: lake.distribution, value: () => undefined, show: ({ profile }) => (profile === null ? "" : <Distribution profile={profile} width={110} height={26} />) },
    ],
    [words, lake, common, format, sayRange, skew],
  );
  return (
    <Card
      title={common.features}
      aside={card.profiled === "" ? words.noStatistics : <span>{words.statisticsOf} <Thing id={card.profiled} /></span>}
      flush
    >
      <DataTable name="features" label={common.features} columns={columns} rows={card.features} rowKey={({ name }) => name} height={420} />
    </Card>
  );
}

/** How many of the values that were served are others than offline says for the same rows and moments. */
function Skew({ of }: { readonly of: Schema<"FeatureSkew"> | undefined }) {
  const { features: words } = useWords();
  const format = useFormat();
  if (of === undefined) return <span title={words.noSkew}>–</span>;
  return <span title={words.skewOf(format.number(of.differing), format.number(of.rows))}>{format.percent(of.share)}</span>;
}

function About({ card }: { readonly card: ViewCard }) {
  const { features: words, common, discovery } = useWords();
  return (
    <Card title={common.about} span={5}>
      <Facts
        facts={[
          [words.entity, card.entity.join(", ")],
          [common.dataset, <Link href={`/data/${card.dataset}`}>{card.dataset}</Link>],
          ...(card.ttl === "" ? [] : [[words.ttl, card.ttl] as const]),
          ...(card.owner === "" ? [] : [[common.owner, card.owner] as const]),
          ...(card.project === "" ? [] : [[discovery.project, card.project] as const]),
          ...(card.tags.length === 0 ? [] : [[common.tags, card.tags.join(", ")] as const]),
          [words.hash, <code>{card.hash.slice(0, 16)}</code>],
          [common.updated, <Moment at={card.updated_at} />],
          ...(card.computed_at === null ? [] : [[words.computedAt, <Moment at={card.computed_at} />] as const]),
          [common.ancestry, <Link href={lineageOf(card.lineage)}>{`${card.name}@${card.hash.slice(0, 8)}`}</Link>],
        ]}
      />
    </Card>
  );
}

/** What the view has meant, the definition in force first. */
function History({ card }: { readonly card: ViewCard }) {
  const { features: words } = useWords();
  return (
    <Card title={words.history} aside={card.history.length} span={6}>
      <ol className="definitions">
        {card.history.map((entry) => (
          <li key={entry.id}>
            <p>
              <code>{entry.hash}</code> {entry.since !== null && <Moment at={entry.since} />} {entry.current && <Badge tone="good">{words.inForce}</Badge>}
            </p>
            {entry.features.map((line) => (
              <p key={line}>
                <code>{line}</code>
              </p>
            ))}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function ValuesNow({ view }: { readonly view: string }) {
  const { features: words } = useWords();
  const values = useGet("/v1/feature-views/{view}/values", { path: { view }, query: { limit: 50 } }, { live: ["ViewMaterialized"], atMost: 5000 });
  const rows = useMemo(
    () => (values.data?.rows ?? []).map((row) => Object.fromEntries((values.data?.columns ?? []).map((name, index) => [name, row[index]]))),
    [values.data],
  );
  return (
    <Card title={words.valuesNow} aside={values.data === undefined ? undefined : <Moment at={values.data.at} />} span={6} flush>
      <Answered from={values}>{({ columns }) => <Records name="values" label={words.valuesNow} rows={rows} columns={columns} height={300} />}</Answered>
    </Card>
  );
}

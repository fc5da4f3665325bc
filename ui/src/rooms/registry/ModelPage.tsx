import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { toneAt } from "../../charts/colour";
import { StackedShare } from "../../charts/StackedShare";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { sayValue } from "../../parts/Records";
import { Thing, Told } from "../../parts/Thing";
import { Badge, Facts, Moment } from "../../parts/Values";
import { useHouseTime } from "../../shell/house";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { Comparisons } from "./Comparisons";
import { ProductionHistory } from "./ProductionHistory";
import { Reviews } from "./Reviews";
import { Ticks } from "./Ticks";

type Model = Schema<"Model">;
type Version = Schema<"Version">;
type AliasSpan = Schema<"AliasSpan">;

const changes = { live: ["VersionRegistered", "AliasPointed"] } as const;

export default function ModelPage({ model: name = "" }: { readonly model?: string }) {
  const words = useWords().registry;
  const model = useGet("/v1/models/{model}", { path: { model: name } }, changes);
  const versions = useGet("/v1/models/{model}/versions", { path: { model: name } }, changes);
  const history = useGet("/v1/models/{model}/aliases", { path: { model: name }, query: { alias: "champion" } }, changes);
  const about = model.data?.spec.description;
  return (
    <Page title={name} above={{ href: "/models", title: words.name }} {...(about === undefined ? {} : { lead: about })}>
      <Answered from={model}>
        {(found) => (
          <>
            <Grid>
              <Card title={words.history} span={8}>
                <Answered from={history}>{(spans) => <Reigns spans={spans} />}</Answered>
              </Card>
              <About model={found} />
            </Grid>
            <ProductionHistory model={name} />
            <Card title={words.versions} flush>
              <Answered from={versions}>{(rows) => <Versions rows={rows} aliases={found.aliases} />}</Answered>
            </Card>
            {versions.data !== undefined && versions.data.length > 0 && <EightOf model={found} numbers={versions.data.map(({ number }) => number)} />}
            <Reviews model={name} />
            <Comparisons model={name} />
            <Card title={words.historyTable} flush>
              <Answered from={history}>{(spans) => <History spans={spans} />}</Answered>
            </Card>
          </>
        )}
      </Answered>
    </Page>
  );
}

/** What the champion is made of, or another version that was chosen. */
function EightOf({ model, numbers }: { readonly model: Model; readonly numbers: readonly number[] }) {
  const words = useWords().registry;
  const [chosen, choose] = useUrlState("version", String(model.aliases["champion"] ?? ""));
  return (
    <Ticks
      model={model.spec.name}
      reference={chosen}
      aside={
        <select className="button" aria-label={words.eightVersion} value={chosen} onChange={(event) => choose(event.target.value)}>
          {chosen === "" && <option value="">–</option>}
          {numbers.toSorted((one, other) => other - one).map((number) => (
            <option key={number} value={number}>{`v${number}`}</option>
          ))}
        </select>
      }
    />
  );
}

/** One version after the other on the time axis. */
function Reigns({ spans }: { readonly spans: readonly AliasSpan[] }) {
  const words = useWords().registry;
  const { now } = useHouseTime();
  const ordered = spans.toSorted((one, other) => one.since.localeCompare(other.since));
  const numbers = [...new Set(ordered.map(({ number }) => number))].sort((one, other) => one - other);
  const points = ordered.map(({ since, number }) => ({ at: new Date(since), shares: { [`v${number}`]: 1 } }));
  const keys = numbers.map((number) => ({ key: `v${number}`, label: `v${number}`, tone: toneAt(number - 1) }));
  return <StackedShare label={words.history} keys={keys} points={points} until={now} height={88} />;
}

function About({ model: { spec, aliases } }: { readonly model: Model }) {
  const { registry: words, common } = useWords();
  const format = useFormat();
  return (
    <Card title={common.about} span={4}>
      <Facts
        facts={[
          ...Object.entries(aliases).map(([alias, number]) => [alias, <Badge tone={alias === "champion" ? "good" : "calm"}>{`v${number}`}</Badge>] as const),
          ...(spec.pipeline === "" ? [] : [[words.pipeline, <Link href={`/pipelines?runs.filter=${spec.pipeline}`}>{spec.pipeline}</Link>] as const]),
          [
            words.gate,
            spec.gate.length === 0
              ? words.noGate
              : spec.gate.map((rule, index) => <div key={index}>{words.gateRules[rule.kind](rule.metric, format.number(rule.value))}</div>),
          ],
          ...(spec.approval ? [[words.reviews, words.needsApproval] as const] : []),
          ...(spec.owner === "" ? [] : [[common.owner, spec.owner] as const]),
          ...(spec.intended_use === "" ? [] : [[words.intendedUse, spec.intended_use] as const]),
          ...(spec.limits === "" ? [] : [[words.limits, spec.limits] as const]),
        ]}
      />
    </Card>
  );
}

function Versions({ rows, aliases }: { readonly rows: readonly Version[]; readonly aliases: Readonly<Record<string, number>> }) {
  const { registry: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo((): Column<Version>[] => {
    const metrics = [...new Set(rows.flatMap((row) => Object.keys(row.metrics)))].slice(0, 6);
    const named = (number: number): string[] => Object.keys(aliases).filter((alias) => aliases[alias] === number);
    return [
      {
        id: "number",
        title: common.version,
        number: true,
        value: ({ number }) => number,
        show: ({ id, number }) => <Link href={`/models/versions/${id}`}>{`v${number}`}</Link>,
      },
      {
        id: "alias",
        title: words.aliases,
        value: ({ number }) => named(number).join(", ") || undefined,
        show: ({ number }) => named(number).map((alias) => <Badge key={alias} tone="good">{alias}</Badge>),
      },
      { id: "created", title: words.created, value: (row) => row.created_at, show: (row) => <Moment at={row.created_at} /> },
      ...metrics.map(
        (metric): Column<Version> => ({
          id: `metric ${metric}`,
          title: metric,
          number: true,
          value: (row) => row.metrics[metric],
          show: (row) => sayValue(row.metrics[metric], format),
        }),
      ),
      { id: "set", title: words.trainingSet, value: (row) => row.training_set, show: (row) => <Thing id={row.training_set} /> },
      { id: "run", title: common.run, value: ({ run }) => run, show: ({ run }) => <Thing id={run} /> },
      { id: "by", title: words.createdBy, value: (row) => row.created_by },
    ];
  }, [rows, aliases, words, common, format]);
  return <DataTable name="versions" label={words.versions} columns={columns} rows={rows} rowKey={({ id }) => id} order="-number" height={320} />;
}

function History({ spans }: { readonly spans: readonly AliasSpan[] }) {
  const { registry: words, common } = useWords();
  const columns = useMemo(
    (): Column<AliasSpan>[] => [
      { id: "since", title: words.since, value: ({ since }) => since, show: ({ since }) => <Moment at={since} /> },
      { id: "until", title: words.until, value: ({ until }) => until, show: ({ until }) => (until === null ? "–" : <Moment at={until} />) },
      { id: "version", title: common.version, number: true, value: ({ number }) => number, show: (row) => <Thing id={row.version}>{`v${row.number}`}</Thing> },
      { id: "by", title: words.by, value: ({ by }) => by },
      { id: "evidence", title: words.evidence, value: ({ evidence }) => evidence, show: ({ evidence }) => <Thing id={evidence} /> },
      { id: "reason", title: common.reason, value: ({ reason }) => reason, show: ({ reason }) => <Told text={reason} /> },
    ],
    [words, common],
  );
  return <DataTable name="history" label={words.historyTable} columns={columns} rows={spans} rowKey={(row) => `${row.since} ${row.version}`} order="-since" height={280} />;
}

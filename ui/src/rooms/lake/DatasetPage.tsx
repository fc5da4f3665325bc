import "./lake.css";
import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { Records } from "../../parts/Records";
import { State } from "../../parts/State";
import { lineageOf, shortId } from "../../parts/Thing";
import { UsesOf } from "../../parts/Uses";
import { DayFigure, Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useUrlChoice } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { Arrivals } from "./Arrivals";
import { Columns } from "./Columns";
import { Refused } from "./Refused";
import { sayRule, saySource } from "./rules";
import { Versions } from "./Versions";

type Dataset = Schema<"Dataset">;
type Batch = Schema<"Batch">;

const landing = { live: ["BatchLanded", "BatchQuarantined"], atMost: 2000 } as const;

export default function DatasetPage({ dataset: name = "" }: { readonly dataset?: string }) {
  const words = useWords().lake;
  const dataset = useGet("/v1/datasets/{dataset}", { path: { dataset: name } }, landing);
  const about = dataset.data?.spec.description;
  return (
    <Page title={name} above={{ href: "/data", title: words.name }} {...(about === undefined ? {} : { lead: about })}>
      <Answered from={dataset}>
        {(found) => (
          <>
            <Summary dataset={found} />
            <Columns dataset={found} />
            <Grid>
              <Contract dataset={found} />
              <UsesOf kind="dataset" name={name} span={6} />
            </Grid>
            {found.spec.source !== null && <Arrivals dataset={name} />}
            <Refused dataset={name} />
            <Versions dataset={name} />
            <Batches dataset={name} />
            <PreviewOf dataset={name} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Summary({ dataset }: { readonly dataset: Dataset }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  const refused = dataset.quarantined;
  return (
    <Figures>
      <Figure label={common.rows} value={format.number(dataset.rows)} />
      <Figure label={words.silverVersion} value={dataset.version < 0 ? "–" : dataset.version} />
      <Figure label={words.batches} value={format.number(dataset.batches)} />
      <Figure label={words.refused} value={refused} {...(refused > 0 ? { tone: "bad" as const } : {})} />
      <DayFigure label={words.newest} at={dataset.newest} />
    </Figures>
  );
}

function Contract({ dataset: { name, spec, version } }: { readonly dataset: Dataset }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  return (
    <Card title={words.contract} aside={spec.contract.length} span={6}>
      {spec.contract.length === 0 && <p className="soft">{words.noContract}</p>}
      <Facts
        facts={[
          ...spec.contract.map((rule, index) => [`${index + 1}. ${words.ruleNames[rule.kind]}`, sayRule(rule, words.rules, format)] as const),
          ...(spec.where === "" ? [] : [[words.where, <code>{spec.where}</code>] as const]),
          ...(spec.source === null ? [] : [[words.source, <code>{saySource(spec.source)}</code>] as const]),
          ...(spec.owner === "" ? [] : [[common.owner, spec.owner] as const]),
          ...(spec.tags.length === 0 ? [] : [[common.tags, spec.tags.join(", ")] as const]),
          [common.ancestry, <Link href={lineageOf(`table:silver/${name}@${version}`)}>{`${name}@${version}`}</Link>],
        ]}
      />
    </Card>
  );
}

function Batches({ dataset }: { readonly dataset: string }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  const batches = useGet("/v1/datasets/{dataset}/batches", { path: { dataset }, query: { limit: 500 } }, landing);
  const columns = useMemo(
    (): Column<Batch>[] => [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ at }) => <Moment at={at} /> },
      { id: "id", title: words.batch, value: ({ id }) => id, show: ({ id }) => <Link href={`/data/batches/${id}`}>{shortId(id)}</Link> },
      { id: "status", title: common.state, value: ({ status }) => status, show: ({ status }) => <State state={status} /> },
      { id: "rows", title: common.rows, number: true, value: ({ rows }) => rows, show: ({ rows }) => format.number(rows) },
      { id: "landed", title: words.landedRows, number: true, value: (row) => row.landed_rows, show: (row) => format.number(row.landed_rows) },
      { id: "version", title: words.silverVersion, number: true, value: (row) => (row.silver_version < 0 ? undefined : row.silver_version) },
      { id: "origin", title: words.origin, value: ({ origin }) => origin },
      { id: "broken", title: words.broken, value: ({ violations }) => violations.map(({ message }) => message).join("; ") || undefined },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.batches} flush>
      <Answered from={batches}>
        {(rows) => (
          <DataTable name="batches" label={words.batches} columns={columns} rows={rows} rowKey={({ id }) => id} filterable height={260} />
        )}
      </Answered>
    </Card>
  );
}

function PreviewOf({ dataset }: { readonly dataset: string }) {
  const words = useWords().lake;
  const [layer, setLayer] = useUrlChoice("layer", ["silver", "bronze"]);
  const preview = useGet("/v1/datasets/{dataset}/preview", { path: { dataset }, query: { layer, limit: 50 } });
  const choices = [["silver", words.silver], ["bronze", words.bronze]] as const;
  const columns = useMemo(() => Object.keys(preview.data?.columns ?? {}), [preview.data]);
  return (
    <Card
      title={words.preview}
      aside={<Choices label={words.layer} choices={choices} chosen={layer} onChoose={setLayer} />}
      flush
    >
      <Answered from={preview}>
        {({ rows }) => <Records name="preview" label={words.preview} rows={rows} columns={columns} />}
      </Answered>
    </Card>
  );
}

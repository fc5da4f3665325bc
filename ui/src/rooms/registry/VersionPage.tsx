import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Markdown } from "../../parts/Markdown";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { entriesOf, sayValue } from "../../parts/Records";
import { Thing, lineageOf, shortId } from "../../parts/Thing";
import { DayFigure, Facts, Figure, Figures } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { LineageGraph } from "../lineage/LineageGraph";
import { Reviews } from "./Reviews";
import { Ticks } from "./Ticks";

type Version = Schema<"Version">;

const mostFigures = 6;

export default function VersionPage({ version: id = "" }: { readonly version?: string }) {
  const { registry: words } = useWords();
  const version = useGet("/v1/versions/{version}", { path: { version: id } });
  const found = version.data;
  return (
    <Page
      title={found === undefined ? shortId(id) : `${found.model} v${found.number}`}
      above={{ href: found === undefined ? "/models" : `/models/${found.model}`, title: found?.model ?? words.name }}
    >
      <Answered from={version}>{(answer) => <VersionView version={answer} />}</Answered>
    </Page>
  );
}

function VersionView({ version }: { readonly version: Version }) {
  const { registry: words, common } = useWords();
  const format = useFormat();
  return (
    <>
      <Figures>
        <DayFigure label={words.created} at={version.created_at} note={version.created_by} />
        {Object.entries(version.metrics)
          .slice(0, mostFigures)
          .map(([name, value]) => (
            <Figure key={name} label={name} value={sayValue(value, format)} />
          ))}
      </Figures>
      <Ticks model={version.model} reference={String(version.number)} />
      <Reviews model={version.model} version={version.id} />
      <Card title={common.ancestry} aside={<Link href={lineageOf(version.id)}>{shortId(version.id)}</Link>}>
        <LineageGraph id={version.id} height={340} />
      </Card>
      <Grid>
        <Card title={words.card} span={7}>
          {version.card.trim() === "" ? <p className="soft">{words.noCard}</p> : <Markdown text={version.card} />}
        </Card>
        <Rebuild version={version} />
        <Card title={common.parameters} span={4}>
          <Facts facts={entriesOf(version.params).map(([name, value]) => [name, sayValue(value, format)])} />
        </Card>
        <Card title={common.features} aside={version.features.length} span={4}>
          <ul className="chips">
            {version.features.map((feature) => (
              <li key={feature}>{feature}</li>
            ))}
          </ul>
        </Card>
        <Card title={words.environment} span={4}>
          <Facts facts={Object.entries(version.environment)} />
        </Card>
      </Grid>
    </>
  );
}

function Rebuild({ version }: { readonly version: Version }) {
  const { registry: words, common } = useWords();
  return (
    <Card title={words.rebuild} span={5}>
      <Facts
        facts={[
          [common.run, <Thing id={version.run} />],
          [words.trainingSet, <Thing id={version.training_set} />],
          [words.service, version.service === "" ? "–" : <Link href={`/features/services/${version.service}`}>{version.service}</Link>],
          [common.label, <code>{version.label}</code>],
          ...Object.entries(version.tables).map(([table, number]) => [table, <Thing id={`table:${table}@${number}`}>{`v${number}`}</Thing>] as const),
          [common.code, <code>{version.code.slice(0, 16) || "–"}</code>],
          ...(version.commit === "" ? [] : [[words.commit, <code>{version.commit.slice(0, 12)}</code>] as const]),
          [words.flavor, version.flavor],
          ...Object.entries(version.files).map(([file, digest]) => [file, <code>{digest.slice(0, 16)}</code>] as const),
          ...Object.entries(version.tags),
        ]}
      />
    </Card>
  );
}

import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { Thing, lineageOf, shortId } from "../../parts/Thing";
import { DayFigure, Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type TrainingSet = Schema<"TrainingSet">;

export default function TrainingSetPage({ set: id = "" }: { readonly set?: string }) {
  const words = useWords().features;
  const found = useGet("/v1/training-sets/{training_set}", { path: { training_set: id } });
  return (
    <Page title={`${words.trainingSet} ${shortId(id)}`} above={{ href: "/features", title: words.name }}>
      <Answered from={found}>{(set) => <Details set={set} />}</Answered>
    </Page>
  );
}

function Details({ set }: { readonly set: TrainingSet }) {
  const { features: words, common } = useWords();
  const format = useFormat();
  return (
    <>
      <Figures>
        <Figure label={common.rows} value={format.number(set.rows)} />
        <Figure label={words.positiveShare} value={set.positive_share === null ? "–" : format.percent(set.positive_share)} />
        <DayFigure label={words.since} at={set.since} />
        <DayFigure label={words.until} at={set.until} />
      </Figures>
      <Grid>
        <Card title={common.features} aside={set.features.length} span={4}>
          <ul className="chips">
            {set.features.map((feature) => (
              <li key={feature}>{feature}</li>
            ))}
          </ul>
        </Card>
        <Card title={words.tables} span={4}>
          <Facts
            facts={Object.entries(set.tables).map(([table, version]) => [table, <Thing id={`table:${table}@${version}`}>{`v${version}`}</Thing>])}
          />
        </Card>
        <Card title={common.about} span={4}>
          <Facts
            facts={[
              [words.service, <Link href={`/features/services/${set.service}`}>{set.service}</Link>],
              [words.hash, <code>{set.service_hash.slice(0, 16)}</code>],
              [common.label, <code>{set.label}</code>],
              [words.table, <code>{`${set.table} v${set.table_version}`}</code>],
              [common.at, <Moment at={set.at} />],
              [common.ancestry, <Link href={lineageOf(set.id)}>{shortId(set.id)}</Link>],
            ]}
          />
        </Card>
      </Grid>
    </>
  );
}

import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Records } from "../../parts/Records";
import { State } from "../../parts/State";
import { lineageOf, shortId } from "../../parts/Thing";
import { Badge, DayFigure, Facts, Figure, Figures } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { WayOut } from "./WayOut";

type Batch = Schema<"Batch">;
type Violation = Schema<"Violation">;

export default function BatchPage({ batch: id = "" }: { readonly batch?: string }) {
  const { lake: words } = useWords();
  const batch = useGet("/v1/batches/{batch}", { path: { batch: id } });
  const dataset = batch.data?.dataset ?? "";
  return (
    <Page title={`${words.batch} ${shortId(id)}`} above={{ href: `/data/${dataset}`, title: dataset || words.name }}>
      <Answered from={batch}>{(found) => <Report batch={found} />}</Answered>
    </Page>
  );
}

function Report({ batch }: { readonly batch: Batch }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  const version = batch.silver_version < 0 ? "–" : batch.silver_version;
  return (
    <>
      <Figures>
        <Figure label={common.state} value={<State state={batch.status} />} />
        <Figure label={common.rows} value={format.number(batch.rows)} />
        <Figure label={words.landedRows} value={format.number(batch.landed_rows)} />
        {batch.refused_rows > 0 && <Figure label={words.refusedRows} value={format.number(batch.refused_rows)} tone="bad" />}
        <Figure label={words.broken} value={batch.violations.length} {...(batch.violations.length > 0 ? { tone: "bad" as const } : {})} />
        <DayFigure label={common.at} at={batch.at} />
      </Figures>
      <Card>
        <Facts
          facts={[
            [common.dataset, <Link href={`/data/${batch.dataset}`}>{batch.dataset}</Link>],
            [words.origin, batch.origin],
            [words.key, <code>{batch.key}</code>],
            [words.bronzeVersion, batch.bronze_version < 0 ? "–" : batch.bronze_version],
            [words.silverVersion, version],
            ...(batch.quarantine === "" ? [] : [[words.quarantine, <code>{batch.quarantine}</code>] as const]),
            [common.ancestry, <Link href={lineageOf(batch.id)}>{shortId(batch.id)}</Link>],
          ]}
        />
      </Card>
      <WayOut batch={batch} />
      {batch.violations.length === 0 && <Empty says={words.nothingWrong} />}
      {batch.violations.map((violation, index) => (
        <ViolationCard key={index} name={`sample${index}`} violation={violation} />
      ))}
    </>
  );
}

function ViolationCard({ name, violation }: { readonly name: string; readonly violation: Violation }) {
  const words = useWords().lake;
  const title = [words.ruleNames[violation.rule], violation.column].filter((part) => part !== "").join(": ");
  return (
    <Card title={title} aside={<Badge tone={violation.action === "warn" ? "warn" : "bad"}>{`${words.count}: ${violation.count}`}</Badge>} flush>
      <p className="card-words">
        {violation.message}
        {violation.rows.length > 0 && <span className="soft">{` · ${words.rowNumbers}: ${violation.rows.join(", ")}`}</span>}
      </p>
      {violation.sample.length > 0 && <Records name={name} label={words.sample} rows={violation.sample} height={240} />}
    </Card>
  );
}

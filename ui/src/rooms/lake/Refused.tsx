import { Link } from "wouter";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Records } from "../../parts/Records";
import { shortId } from "../../parts/Thing";
import { Badge, Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

const shown = 3;

/** The newest batches in quarantine, each with its broken rules and some of the rows that broke them. */
export function Refused({ dataset }: { readonly dataset: string }) {
  const words = useWords().lake;
  const format = useFormat();
  const batches = useGet(
    "/v1/datasets/{dataset}/batches",
    { path: { dataset }, query: { status: "quarantined", limit: shown } },
    { live: ["BatchQuarantined"], atMost: 2000 },
  );
  if (batches.data?.length === 0) return null;
  return (
    <Card title={words.quarantineReport} flush>
      <Answered from={batches}>
        {(found) =>
          found.map((batch) => (
            <details key={batch.id} className="refused" open={batch === found[0]}>
              <summary>
                <Moment at={batch.at} /> <Link href={`/data/batches/${batch.id}`}>{shortId(batch.id)}</Link>{" "}
                <span className="soft">{`${batch.origin} · ${words.rowsCame(format.number(batch.rows))}`}</span>
                {batch.replaced_by !== "" && <Badge tone="good">{words.replacedLater}</Badge>}
              </summary>
              {batch.violations.map((violation, index) => (
                <section key={index} aria-label={violation.message}>
                  <p>
                    <Badge tone="bad">{words.ruleNames[violation.rule]}</Badge> {violation.message}{" "}
                    <span className="soft">{`${words.count}: ${format.number(violation.count)}`}</span>
                  </p>
                  {violation.sample.length > 0 && <Records name={`${batch.id}.${index}`} label={words.sample} rows={violation.sample.slice(0, 5)} height={170} />}
                </section>
              ))}
            </details>
          ))
        }
      </Answered>
    </Card>
  );
}

import "./lineage.css";
import { Link } from "wouter";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { Answered } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Records } from "../../parts/Records";
import { Thing, shortId } from "../../parts/Thing";
import { Figure, Figures, Moment } from "../../parts/Values";
import { useUrlChoice } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { LineageGraph } from "./LineageGraph";

export default function LineagePage({ id = "" }: { readonly id?: string }) {
  const words = useWords().lineage;
  const [direction, setDirection] = useUrlChoice("direction", ["ancestors", "descendants"]);
  const [depth, setDepth] = useUrlChoice("depth", ["all", "1", "2", "4"]);
  const depths = [["1", words.stepsAway(1)], ["2", words.stepsAway(2)], ["4", words.stepsAway(4)], ["all", words.allSteps]] as const;
  const choices = [["ancestors", words.ancestors], ["descendants", words.descendants]] as const;
  return (
    <Page
      title={`${words.name} · ${shortId(id)}`}
      lead={direction === "ancestors" ? words.lead : words.leadDown}
      actions={
        <>
          <Choices label={words.depth} choices={depths} chosen={depth} onChoose={setDepth} />
          <Choices label={words.direction} choices={choices} chosen={direction} onChoose={setDirection} />
        </>
      }
    >
      {id.startsWith("req_") && <RequestCards id={id} />}
      <Card>
        <LineageGraph key={id} id={id} direction={direction} height={440} asks {...(depth === "all" ? {} : { depth: Number(depth) })} />
      </Card>
    </Page>
  );
}

const saidAbove = new Set(["request_id", "endpoint", "version", "number", "role", "at", "row"]);

function columnsOf(rows: readonly object[]): string[] {
  return Object.keys(rows[0] ?? {}).filter((name) => !saidAbove.has(name));
}

/** What one request brought, and who answered it. */
function RequestCards({ id }: { readonly id: string }) {
  const { lineage: words, common, serving } = useWords();
  const format = useFormat();
  const detail = useGet("/v1/requests/{request}", { path: { request: id } });
  return (
    <Answered from={detail}>
      {({ request, rows }) => (
        <>
          <Figures>
            <Figure label={common.endpoint} value={<Link href={`/endpoints/${request.endpoint}`}>{request.endpoint}</Link>} />
            <Figure label={serving.answeredBy} value={<Thing id={request.version}>{`v${request.number}`}</Thing>} note={serving.roles[request.role]} />
            <Figure label={common.rows} value={request.rows} />
            <Figure label={words.latency} value={format.seconds(request.latency_ms / 1000)} />
            <Figure label={common.at} value={<Moment at={request.at} as="dayOfMonth" />} note={<Moment at={request.at} as="clock" />} />
          </Figures>
          {rows.length > 0 && (
            <Card title={words.inputs} flush>
              <Records name="rows" label={words.inputs} rows={rows} columns={columnsOf(rows)} height={200} />
            </Card>
          )}
        </>
      )}
    </Answered>
  );
}

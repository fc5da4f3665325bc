import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { State } from "../../parts/State";
import { Thing, Told, shortId } from "../../parts/Thing";
import { Facts, Moment } from "../../parts/Values";
import { VersionName } from "../../parts/VersionName";
import { useFormat, useWords } from "../../words";
import { CheckView } from "./CheckView";

type Alarm = Schema<"Alarm">;

export default function AlarmPage({ alarm: id = "" }: { readonly alarm?: string }) {
  const words = useWords().monitoring;
  const format = useFormat();
  const alarm = useGet("/v1/alarms/{alarm}", { path: { alarm: id } }, { live: ["AlarmClosed"] });
  const at = alarm.data?.at;
  return (
    <Page
      title={at === undefined ? words.alarm : `${words.alarm}, ${format.day(new Date(at))}`}
      above={{ href: "/drift", title: words.name }}
      actions={alarm.data !== undefined && <State state={alarm.data.status} />}
    >
      <Answered from={alarm}>
        {(found) => (
          <>
            <Story alarm={found} />
            <CheckOf alarm={found} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Story({ alarm }: { readonly alarm: Alarm }) {
  const { monitoring: words, common } = useWords();
  return (
    <Grid>
      <Card title={words.reasons} span={7}>
        <ul className="reasons">
          {alarm.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
        <h3 className="card-part">{words.named}</h3>
        <ul className="chips">
          {alarm.features.map((feature) => (
            <li key={feature}>{feature}</li>
          ))}
        </ul>
      </Card>
      <Card title={words.loop} span={5}>
        <Facts
          facts={[
            [common.endpoint, <Link href={`/endpoints/${alarm.endpoint}`}>{alarm.endpoint}</Link>],
            [words.answeredBy, <VersionName id={alarm.version} />],
            [words.check, <Link href={`/drift/checks/${alarm.check}`}>{shortId(alarm.check)}</Link>],
            [words.outcome, <Told text={alarm.outcome || "–"} />],
            ...(alarm.closed_at === null ? [] : [[words.closedAt, <Moment at={alarm.closed_at} />] as const]),
            ...useLoopFacts(alarm),
          ]}
        />
      </Card>
    </Grid>
  );
}

function useLoopFacts(alarm: Alarm): (readonly [string, React.ReactNode])[] {
  const { common, registry, serving } = useWords();
  const { data: loops } = useGet("/v1/loops", { query: { endpoint: alarm.endpoint, limit: 100 } }, { live: ["LoopStarted", "LoopClosed"] });
  const loop = loops?.find((one) => one.alarm === alarm.id);
  if (loop === undefined) return [];
  const things = [
    [common.run, loop.run === "" ? undefined : <Link href={`/pipelines/runs/${loop.run}`}>{shortId(loop.run)}</Link>],
    [common.version, loop.version === "" ? undefined : <VersionName id={loop.version} />],
    [registry.comparison, loop.comparison === "" ? undefined : <Thing id={loop.comparison} />],
    [serving.canary, loop.canary === "" ? undefined : <Thing id={loop.canary} />],
    [common.state, <State state={loop.status} />],
  ] as const;
  return things.filter(([, thing]) => thing !== undefined);
}

function CheckOf({ alarm }: { readonly alarm: Alarm }) {
  const check = useGet("/v1/checks/{check}", { path: { check: alarm.check } });
  return <Answered from={check}>{(found) => <CheckView check={found} named={alarm.features} />}</Answered>;
}

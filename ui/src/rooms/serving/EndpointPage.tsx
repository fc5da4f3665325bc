import { useCallback, useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { toneAt } from "../../charts/colour";
import { ShareBar } from "../../charts/ShareBar";
import { TimeSeries } from "../../charts/TimeSeries";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { Facts, Figure, Figures } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { Canaries } from "./Canaries";
import { useHistory } from "./marks";
import { QualityChart } from "./QualityChart";
import { Requests } from "./Requests";
import { TrafficChart } from "./TrafficChart";
import { bucketsOf, sum, useUsage } from "./usage";

type Endpoint = Schema<"Endpoint">;
type Usage = Schema<"Usage">;

export default function EndpointPage({ endpoint: name = "" }: { readonly endpoint?: string }) {
  const words = useWords().serving;
  const endpoint = useGet("/v1/endpoints/{endpoint}", { path: { endpoint: name } }, { live: ["TrafficSet"] });
  const usage = useUsage(name);
  const about = endpoint.data?.spec.description;
  return (
    <Page title={name} above={{ href: "/endpoints", title: words.name }} {...(about === undefined ? {} : { lead: about })}>
      <Answered from={endpoint}>
        {(found) => (
          <>
            <Summary usage={usage.data ?? []} endpoint={found} />
            <Grid>
              <Card title={words.quality} span={8}>
                <QualityChart endpoint={name} withExpected height={210} />
              </Card>
              <About endpoint={found} />
              <Card title={words.trafficOverTime} span={6}>
                <TrafficChart usage={usage.data ?? []} height={130} />
              </Card>
              <Latency endpoint={name} usage={usage.data ?? []} />
            </Grid>
            <Canaries endpoint={name} />
            <Requests endpoint={name} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Summary({ usage, endpoint }: { readonly usage: readonly Usage[]; readonly endpoint: Endpoint }) {
  const words = useWords().serving;
  const format = useFormat();
  const buckets = useMemo(() => bucketsOf(usage), [usage]);
  const requests = sum(buckets, (bucket) => bucket.requests);
  const errors = sum(buckets, (bucket) => bucket.errors);
  const last = buckets.at(-1);
  const champion = endpoint.traffic.find(({ role }) => role === "champion");
  return (
    <Figures>
      <Figure
        label={words.champion}
        value={champion === undefined ? "–" : <Link href={`/models/versions/${champion.version}`}>{`v${champion.number}`}</Link>}
        note={champion === undefined ? "" : format.percent(champion.share)}
      />
      <Figure label={words.requests} value={format.compact(requests)} />
      <Figure label={words.rows} value={format.compact(sum(buckets, (bucket) => bucket.rows))} />
      <Figure label={words.errorRate} value={format.percent(requests === 0 ? 0 : errors / requests)} {...(errors > 0 ? { tone: "bad" as const } : {})} />
      <Figure label="p50" value={last === undefined ? "–" : format.seconds(last.p50 / 1000)} note={words.p50} />
      <Figure label="p95" value={last === undefined ? "–" : format.seconds(last.p95 / 1000)} note={words.p95} />
    </Figures>
  );
}

function About({ endpoint: { spec, traffic, revision } }: { readonly endpoint: Endpoint }) {
  const { serving: words, common } = useWords();
  const format = useFormat();
  const shares = traffic.map(({ version, number, share, role }) => ({
    key: version,
    label: `v${number} ${words.roles[role]}`,
    share,
    tone: toneAt(number - 1),
  }));
  return (
    <Card title={words.trafficNow} span={4}>
      {shares.length === 0 ? <p className="soft">{words.noTraffic}</p> : <ShareBar label={words.trafficNow} shares={shares} />}
      <Facts
        facts={[
          [common.model, <Link href={`/models/${spec.model}`}>{spec.model}</Link>],
          [words.service, <Link href={`/features/services/${spec.service}`}>{spec.service}</Link>],
          [words.rollout, (spec.rollout ?? []).join(" → ") || "–"],
          [words.rollbackIf, spec.rollback_if.join(", ") || common.none],
          [words.capture, format.percent(spec.capture)],
          [words.revision, revision],
          ...(spec.owner === "" ? [] : [[common.owner, spec.owner] as const]),
        ]}
      />
    </Card>
  );
}

function Latency({ endpoint, usage }: { readonly endpoint: string; readonly usage: readonly Usage[] }) {
  const words = useWords().serving;
  const { spans } = useHistory(endpoint);
  const format = useFormat();
  const { times, series } = useMemo(() => {
    const buckets = bucketsOf(usage);
    return {
      times: buckets.map(({ at }) => at),
      series: [
        { label: "p95", values: buckets.map(({ p95 }) => p95), tone: "series-3" as const },
        { label: "p50", values: buckets.map(({ p50 }) => p50), tone: "series-2" as const, filled: true },
      ],
    };
  }, [usage]);
  const say = useCallback((value: number) => format.seconds(value / 1000), [format]);
  return (
    <Card title={words.latency} span={6}>
      <TimeSeries label={words.latency} times={times} series={series} spans={spans} range={fromZero} say={say} height={130} />
    </Card>
  );
}

const fromZero = [0, null] as const;

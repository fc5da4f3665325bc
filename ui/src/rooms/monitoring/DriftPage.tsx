import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Thing } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useWords } from "../../words";
import { QualityChart } from "../serving/QualityChart";
import { Alarms } from "./Alarms";
import { Checks } from "./Checks";

type Monitor = Schema<"Monitor">;

export default function DriftPage() {
  const words = useWords().monitoring;
  const monitors = useGet("/v1/monitors", {}, { live: ["DriftChecked", "DriftAlarm", "AlarmClosed", "ProjectApplied"], atMost: 2000 });
  return (
    <Page title={words.name} lead={words.lead}>
      <Answered from={monitors}>
        {(rows) => (rows.length === 0 ? <Empty says={words.empty} hint={words.emptyHint} /> : <Watched rows={rows} />)}
      </Answered>
    </Page>
  );
}

function Watched({ rows }: { readonly rows: readonly Monitor[] }) {
  const { monitoring: words, common } = useWords();
  const [wanted, setWanted] = useUrlState("endpoint", rows[0]?.spec.endpoint ?? "");
  const endpoints = rows.map(({ spec }) => spec.endpoint);
  const endpoint = endpoints.includes(wanted) ? wanted : (endpoints[0] ?? "");
  const chooser = endpoints.length > 1 && (
    <Choices label={common.endpoint} choices={endpoints.map((name) => [name, name] as const)} chosen={endpoint} onChoose={setWanted} />
  );
  return (
    <>
      <Monitors rows={rows} />
      <Card title={words.quality} aside={chooser}>
        <QualityChart endpoint={endpoint} withExpected height={190} />
      </Card>
      <Alarms endpoint={endpoint} />
      <Checks endpoint={endpoint} />
    </>
  );
}

function Monitors({ rows }: { readonly rows: readonly Monitor[] }) {
  const { monitoring: words, common } = useWords();
  const columns = useMemo(
    (): Column<Monitor>[] => [
      {
        id: "endpoint",
        title: common.endpoint,
        value: ({ spec }) => spec.endpoint,
        show: ({ spec }) => <Link href={`/endpoints/${spec.endpoint}`}>{spec.endpoint}</Link>,
      },
      { id: "every", title: words.every, value: ({ spec }) => spec.every },
      { id: "window", title: words.window, value: ({ spec }) => spec.window },
      {
        id: "labels",
        title: words.labels,
        value: ({ spec }) => spec.labels,
        show: ({ spec }) => <Link href={`/data/${spec.labels}`}>{spec.labels}</Link>,
      },
      { id: "limits", title: words.limits, value: ({ spec }) => `AUC −${spec.quality_margin}, PSI ${spec.psi_limit}, n ≥ ${spec.minimum_rows}` },
      { id: "starts", title: words.onDrift, value: ({ spec }) => spec.on_drift || undefined },
      { id: "last", title: words.lastCheck, value: (row) => row.last_check, show: (row) => (row.last_check === null ? "–" : <Moment at={row.last_check} />) },
      { id: "alarm", title: words.openAlarm, value: (row) => row.open_alarm, show: (row) => <Thing id={row.open_alarm} /> },
    ],
    [words, common],
  );
  return (
    <Card title={words.monitors} flush>
      <DataTable name="monitors" label={words.monitors} columns={columns} rows={rows} rowKey={({ name }) => name} />
    </Card>
  );
}

import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { shortId } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type TrainingSet = Schema<"TrainingSet">;

/** The newest training sets, of one service or of all. */
export function TrainingSets({ service = "" }: { readonly service?: string }) {
  const { features: words, common } = useWords();
  const format = useFormat();
  const sets = useGet("/v1/training-sets", { query: { service, limit: 100 } }, { live: ["TrainingSetBuilt"] });
  const columns = useMemo(
    (): Column<TrainingSet>[] => [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ at }) => <Moment at={at} /> },
      {
        id: "id",
        title: words.trainingSet,
        value: ({ id }) => id,
        show: ({ id }) => <Link href={`/features/training-sets/${id}`}>{shortId(id)}</Link>,
      },
      { id: "service", title: words.service, value: (row) => row.service },
      { id: "rows", title: common.rows, number: true, value: ({ rows }) => rows, show: ({ rows }) => format.number(rows) },
      { id: "features", title: common.features, number: true, value: ({ features }) => features.length },
      {
        id: "positive",
        title: words.positiveShare,
        number: true,
        value: (row) => row.positive_share,
        show: (row) => (row.positive_share === null ? "–" : format.percent(row.positive_share)),
      },
      { id: "since", title: words.since, value: ({ since }) => since, show: ({ since }) => (since === null ? "–" : <Moment at={since} as="day" />) },
      { id: "until", title: words.until, value: ({ until }) => until, show: ({ until }) => <Moment at={until} as="day" /> },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.trainingSets} flush>
      <Answered from={sets}>
        {(rows) => <DataTable name="sets" label={words.trainingSets} columns={columns} rows={rows} rowKey={({ id }) => id} order="-at" height={300} />}
      </Answered>
    </Card>
  );
}

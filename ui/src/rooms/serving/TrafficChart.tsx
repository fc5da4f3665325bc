import { useMemo } from "react";
import type { Schema } from "../../api/client";
import { toneAt } from "../../charts/colour";
import { StackedShare } from "../../charts/StackedShare";
import { useHouseTime } from "../../shell/house";
import { useWords } from "../../words";
import { bucketsOf, mergeEqual, numbersOf } from "./usage";

/** How the requests were divided between versions, from the request log. */
export function TrafficChart({ usage, height = 110 }: { readonly usage: readonly Schema<"Usage">[]; readonly height?: number }) {
  const words = useWords().serving;
  const { now } = useHouseTime();
  const points = useMemo(() => mergeEqual(bucketsOf(usage)), [usage]);
  const keys = useMemo(
    () => numbersOf(usage).map((number) => ({ key: `v${number}`, label: `v${number}`, tone: toneAt(number - 1) })),
    [usage],
  );
  return <StackedShare label={words.trafficOverTime} keys={keys} points={points} until={now} height={height} />;
}

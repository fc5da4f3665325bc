import { useGet, useSend } from "../../api/hooks";
import { Answered, Refusal } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Badge, Facts, Moment } from "../../parts/Values";
import { useWords } from "../../words";

/** How far the source of a dataset was read, how the last look ended, and a look at once. */
export function Arrivals({ dataset }: { readonly dataset: string }) {
  const words = useWords().lake;
  const path = { path: { dataset } };
  const source = useGet("/v1/datasets/{dataset}/source", path, { live: ["BatchLanded", "BatchQuarantined"], every: 5000 });
  const look = useSend("post", "/v1/datasets/{dataset}/refresh", [
    "/v1/datasets/{dataset}/source",
    "/v1/datasets/{dataset}",
    "/v1/datasets/{dataset}/batches",
  ]);
  const button = (
    <button type="button" className="button" disabled={look.isPending} onClick={() => look.mutate(path)}>
      {words.lookNow}
    </button>
  );
  return (
    <Card title={words.source} aside={button}>
      <Answered from={source}>
        {({ kind, address, position, looked_at: lookedAt, error }) => (
          <Facts
            facts={[
              [words.sourceKinds[kind as keyof typeof words.sourceKinds], <code>{address}</code>],
              [words.lookedAt, lookedAt === null ? words.never : <Moment at={lookedAt} />],
              [words.lookEnded, error === "" ? <Badge tone="good">{words.lookFine}</Badge> : <Badge tone="bad">{error}</Badge>],
              ...Object.entries(position)
                .filter(([name]) => name !== "tied" && name !== "seen" && name !== "full")
                .map(([name, value]) => [`${words.readUpTo} ${name}`, <code>{JSON.stringify(value)}</code>] as const),
            ]}
          />
        )}
      </Answered>
      {look.error !== null && <Refusal error={look.error} />}
    </Card>
  );
}

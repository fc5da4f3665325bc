import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useSend } from "../../api/hooks";
import { Refusal } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { shortId } from "../../parts/Thing";
import { useWords } from "../../words";

const refreshes = ["/v1/batches/{batch}", "/v1/datasets/{dataset}/batches", "/v1/datasets/{dataset}"] as const;

/** What can become of a batch that is in quarantine. */
export function WayOut({ batch }: { readonly batch: Schema<"Batch"> }) {
  const words = useWords().lake;
  const path = { path: { batch: batch.id } };
  const retry = useSend("post", "/v1/batches/{batch}/retry", refreshes);
  const discard = useSend("post", "/v1/batches/{batch}/discard", refreshes);
  const busy = retry.isPending || discard.isPending;
  const error = retry.error ?? discard.error;
  if (batch.replaced_by !== "") {
    return (
      <Card>
        {words.replacedLater} <Link href={`/data/batches/${batch.replaced_by}`}>{shortId(batch.replaced_by)}</Link>
      </Card>
    );
  }
  if (batch.status !== "quarantined") return null;
  return (
    <Card title={words.wayOut}>
      <p className="card-words">{words.wayOutWords}</p>
      <p className="card-words">
        <button type="button" className="button" disabled={busy} onClick={() => retry.mutate({ ...path, body: {} })}>
          {words.retry}
        </button>{" "}
        <button type="button" className="button" disabled={busy} onClick={() => discard.mutate(path)}>
          {words.discard}
        </button>
      </p>
      {error !== null && <Refusal error={error} />}
    </Card>
  );
}

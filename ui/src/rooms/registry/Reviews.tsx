import "./registry.css";
import { useState } from "react";
import type { Schema } from "../../api/client";
import { useGet, useSend } from "../../api/hooks";
import { Answered, Refusal } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Thing } from "../../parts/Thing";
import { Badge, Moment, type Tone } from "../../parts/Values";
import { useWords } from "../../words";

type Review = Schema<"Review">;
type Verdict = "approved" | "changes_requested" | "rejected";

const tones: Readonly<Record<Review["status"], Tone>> = { open: "busy", approved: "good", changes_requested: "warn", rejected: "bad" };
const mostShown = 50;

/** Who was asked to look at a version, and what they said. `version` narrows it to one, and lets a person ask. */
export function Reviews({ model, version = "" }: { readonly model: string; readonly version?: string }) {
  const words = useWords().registry;
  const reviews = useGet("/v1/reviews", { query: { model, limit: mostShown } }, { live: ["ReviewAsked", "ReviewDecided"] });
  const ask = useSend("post", "/v1/versions/{version}/reviews", ["/v1/reviews"]);
  return (
    <Card
      title={words.reviews}
      aside={
        version !== "" && (
          <button type="button" className="button" disabled={ask.isPending} onClick={() => ask.mutate({ path: { version }, body: {} })}>
            {words.askReview}
          </button>
        )
      }
    >
      {ask.error !== null && <Refusal error={ask.error} />}
      <Answered from={reviews}>
        {(all) => {
          const shown = all.filter((review) => version === "" || review.version === version);
          return shown.length === 0 ? (
            <p className="soft">{words.noReviews}</p>
          ) : (
            <ul className="reviews">
              {shown.map((review) => (
                <ReviewLine key={review.id} review={review} />
              ))}
            </ul>
          );
        }}
      </Answered>
    </Card>
  );
}

function ReviewLine({ review }: { readonly review: Review }) {
  const words = useWords().registry;
  return (
    <li>
      <span>
        <Badge tone={tones[review.status]}>{words.reviewStates[review.status]}</Badge> <Thing id={review.version}>{`v${review.number}`}</Thing>{" "}
        <span className="soft">
          {words.askedBy} {review.asked_by}, <Moment at={review.asked_at} />
          {review.decided_at !== null && (
            <>
              {" · "}
              {words.decidedBy} {review.decided_by}, <Moment at={review.decided_at} />
            </>
          )}
        </span>
      </span>
      {review.note !== "" && <span>{review.note}</span>}
      {review.reason !== "" && <span>{review.reason}</span>}
      {review.status === "open" && <Decision review={review.id} />}
    </li>
  );
}

function Decision({ review }: { readonly review: string }) {
  const words = useWords().registry;
  const [reason, setReason] = useState("");
  const decide = useSend("post", "/v1/reviews/{review}/decision", ["/v1/reviews"]);
  const say = (verdict: Verdict): void => decide.mutate({ path: { review }, body: { verdict, reason } });
  return (
    <>
      <form onSubmit={(event) => event.preventDefault()}>
        <input value={reason} placeholder={words.reviewReason} aria-label={words.reviewReason} onChange={(event) => setReason(event.target.value)} />
        <button type="button" className="button button-first" disabled={decide.isPending} onClick={() => say("approved")}>
          {words.approve}
        </button>
        <button type="button" className="button" disabled={decide.isPending} onClick={() => say("changes_requested")}>
          {words.requestChanges}
        </button>
        <button type="button" className="button" disabled={decide.isPending} onClick={() => say("rejected")}>
          {words.reject}
        </button>
      </form>
      {decide.error !== null && <Refusal error={decide.error} />}
    </>
  );
}

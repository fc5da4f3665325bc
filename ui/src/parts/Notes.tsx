import "./parts.css";
import type { HouseError } from "../api/client";
import { useWords } from "../words";

/** Words in which `backticks` mark what a person types. */
export function Prose({ text }: { readonly text: string }) {
  return text.split("`").map((piece, index) => (index % 2 === 0 ? piece : <code key={index}>{piece}</code>));
}

export function Empty({ says, hint }: { readonly says: string; readonly hint?: string }) {
  return (
    <div className="note">
      <p className="note-says">{says}</p>
      {hint !== undefined && (
        <p className="soft">
          <Prose text={hint} />
        </p>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <div className="loading" role="status">
      <span className="hidden-text">{useWords().shell.loading}</span>
    </div>
  );
}

export function Refusal({ error }: { readonly error: HouseError }) {
  return (
    <div className="note note-bad" role="alert">
      <p className="note-says">
        {useWords().shell.refused}: {error.message}
      </p>
      {error.hint !== "" && (
        <p className="soft">
          <Prose text={error.hint} />
        </p>
      )}
    </div>
  );
}

interface AnsweredProperties<Data> {
  /** What `useGet` returned. */
  readonly from: { readonly data: Data | undefined; readonly error: HouseError | null };
  readonly children: (data: Data) => React.ReactNode;
}

/** Shows the waiting, the refusal, or the answer. An old answer stays on the page while a new one fails. */
export function Answered<Data>({ from, children }: AnsweredProperties<Data>) {
  if (from.data !== undefined) return children(from.data);
  return from.error === null ? <Loading /> : <Refusal error={from.error} />;
}

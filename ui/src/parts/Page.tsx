import "./parts.css";
import { useEffect, useId, type ReactNode } from "react";
import { Link } from "wouter";

interface PageProperties {
  readonly title: string;
  /** One sentence under the title. */
  readonly lead?: ReactNode;
  /** The page above this one: `{ href: "/runs", title: "Runs" }`. */
  readonly above?: { readonly href: string; readonly title: string };
  /** Buttons and choices at the right of the title. */
  readonly actions?: ReactNode;
  readonly children?: ReactNode;
}

/** What every page of every room starts with. */
export function Page({ title, lead, above, actions, children }: PageProperties) {
  useEffect(() => {
    document.title = `${title} · Ondol`;
  }, [title]);
  return (
    <article className="page">
      <header className="page-top">
        <div>
          {above !== undefined && (
            <Link href={above.href} className="page-above">
              {above.title}
              <span aria-hidden="true"> /</span>
            </Link>
          )}
          <h1>{title}</h1>
          {lead !== undefined && <p className="soft">{lead}</p>}
        </div>
        {actions !== undefined && <div className="page-actions">{actions}</div>}
      </header>
      {children}
    </article>
  );
}

interface CardProperties {
  readonly title?: string;
  /** Small words or controls at the right of the title. */
  readonly aside?: ReactNode;
  /** How many of the grid's twelve columns the card takes. */
  readonly span?: 3 | 4 | 5 | 6 | 7 | 8 | 9 | 12;
  /** Without inner space, for a table that fills the card. */
  readonly flush?: boolean;
  readonly children: ReactNode;
}

export function Card({ title, aside, span = 12, flush = false, children }: CardProperties) {
  const id = useId();
  return (
    <section className="card" data-span={span} data-flush={flush} {...(title === undefined ? {} : { "aria-labelledby": id })}>
      {(title !== undefined || aside !== undefined) && (
        <header className="card-top">
          <h2 id={id}>{title}</h2>
          {aside !== undefined && <div className="card-aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** Twelve columns; cards say how many they span. */
export function Grid({ children }: { readonly children: ReactNode }) {
  return <div className="grid">{children}</div>;
}

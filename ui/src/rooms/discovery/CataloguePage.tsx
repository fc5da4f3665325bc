import "./discovery.css";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered, Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { placeOfKind, useKindWord } from "../../parts/Uses";
import { Badge } from "../../parts/Values";
import { Icon } from "../../shell/Icon";
import { useUrlList, useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Found = Schema<"Found">;
type Facets = Schema<"SearchResult">["facets"];

const pageSize = 50;
const typingPause = 180;

export default function CataloguePage() {
  const words = useWords().discovery;
  const [text, setText] = useUrlState("text");
  const [kinds, setKinds] = useUrlList("kinds", []);
  const [owner, setOwner] = useUrlState("owner");
  const [tag, setTag] = useUrlState("tag");
  const [project, setProject] = useUrlState("project");
  const [shown, setShown] = useUrlState("shown", String(pageSize));
  const limit = Math.min(200, Math.max(pageSize, Number(shown) || pageSize));
  const query = { text, kinds: [...kinds], owner, tag, project, limit };
  const result = useGet("/v1/search", { query }, { live: ["ProjectApplied", "BatchLanded"], atMost: 5000 });
  const isFiltered = text !== "" || kinds.length > 0 || owner !== "" || tag !== "" || project !== "";
  return (
    <Page title={words.name} lead={words.lead}>
      <SearchField text={text} onText={setText} />
      <Answered from={result}>
        {({ items, total, facets }) =>
          total === 0 && !isFiltered ? (
            <Empty says={words.empty} hint={words.emptyHint} />
          ) : (
            <div className="catalogue">
              <aside className="catalogue-filters" aria-label={words.filters}>
                <Filter title={words.kind} facets={facets} name="kind" chosen={kinds} onChoose={setKinds} many />
                <Filter title={words.project} facets={facets} name="project" chosen={[project]} onChoose={([one = ""]) => setProject(one)} />
                <Filter title={words.owner} facets={facets} name="owner" chosen={[owner]} onChoose={([one = ""]) => setOwner(one)} />
                <Filter title={words.tag} facets={facets} name="tag" chosen={[tag]} onChoose={([one = ""]) => setTag(one)} />
              </aside>
              <section aria-label={words.name}>
                <p className="soft catalogue-count" role="status">
                  {total === 0 ? words.nothing : words.found(total)}
                </p>
                <ol className="catalogue-things">
                  {items.map((found) => (
                    <ThingRow key={found.thing.id} found={found} hasProject={(facets["project"]?.length ?? 0) > 1} />
                  ))}
                </ol>
                {total > items.length && limit < 200 && (
                  <button type="button" className="button" onClick={() => setShown(String(limit + pageSize))}>
                    {words.moreOf}
                  </button>
                )}
              </section>
            </div>
          )
        }
      </Answered>
    </Page>
  );
}

/** What is typed is asked for when the fingers rest. */
function SearchField({ text, onText }: { readonly text: string; readonly onText: (text: string) => void }) {
  const words = useWords().discovery;
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  useEffect(() => {
    if (typed === text) return;
    const later = setTimeout(() => onText(typed), typingPause);
    return () => clearTimeout(later);
  }, [typed, text, onText]);
  return (
    <label className="catalogue-search">
      <Icon name="search" size={15} />
      <input
        type="search"
        value={typed}
        placeholder={words.searchFor}
        aria-label={words.search}
        autoFocus
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && onText(typed)}
      />
    </label>
  );
}

interface FilterProperties {
  readonly title: string;
  readonly facets: Facets;
  readonly name: string;
  readonly chosen: readonly string[];
  readonly onChoose: (chosen: readonly string[]) => void;
  readonly many?: boolean;
}

function Filter({ title, facets, name, chosen, onChoose, many = false }: FilterProperties) {
  const sayKind = useKindWord();
  const found = facets[name] ?? [];
  if (found.length === 0) return null;
  const choose = (value: string): void => {
    const isChosen = chosen.includes(value);
    if (many) onChoose(isChosen ? chosen.filter((one) => one !== value) : [...chosen, value]);
    else onChoose(isChosen ? [] : [value]);
  };
  return (
    <fieldset>
      <legend>{title}</legend>
      {found.slice(0, 12).map(({ value, count }) => (
        <button key={value} type="button" aria-pressed={chosen.includes(value)} onClick={() => choose(value)}>
          <span>{name === "kind" ? sayKind(value) : value}</span>
          <span className="soft">{count}</span>
        </button>
      ))}
    </fieldset>
  );
}

function ThingRow({ found: { thing }, hasProject }: { readonly found: Found; readonly hasProject: boolean }) {
  const words = useWords().discovery;
  const format = useFormat();
  const sayKind = useKindWord();
  const place = thing.kind === "run" ? `/runs/${thing.id.slice("run:".length)}` : placeOfKind(thing.kind, thing.name, thing.of);
  const title = (
    <>
      {thing.of !== "" && (thing.kind === "feature" || thing.kind === "column") && <span className="soft">{`${thing.of}.`}</span>}
      {thing.name}
    </>
  );
  const facts = [
    thing.owner,
    thing.rows === null || thing.kind !== "dataset" ? "" : words.rowsCount(format.compact(thing.rows)),
    thing.newest === null ? "" : words.newest(format.day(new Date(thing.newest))),
    thing.used_by === 0 ? "" : words.usedByCount(thing.used_by),
  ].filter((fact) => fact !== "");
  return (
    <li>
      <div className="catalogue-thing">
        <span className="catalogue-kind">{sayKind(thing.kind)}</span>
        <span className="catalogue-name">{place === undefined ? title : <Link href={place}>{title}</Link>}</span>
        {hasProject && thing.project !== "" && <Badge tone="busy">{thing.project}</Badge>}
        {thing.tags.map((tag) => (
          <Badge key={tag}>{tag}</Badge>
        ))}
        <span className="soft catalogue-facts">{facts.join(" · ")}</span>
      </div>
      {(thing.description !== "" || thing.definition !== "") && (
        <p className="catalogue-about">
          {thing.description}
          {thing.definition !== "" && <code>{thing.definition}</code>}
        </p>
      )}
    </li>
  );
}

import "./files.css";
import { useQuery } from "@tanstack/react-query";
import { refusal, type HouseError } from "../api/client";
import { useFormat, useWords } from "../words";
import { DataTable, type Column } from "./DataTable";
import { kindOf, tableOf, treeModelOf } from "./files";
import { Markdown } from "./Markdown";
import { Answered } from "./Notes";
import { Facts } from "./Values";

interface FileViewProperties {
  readonly path: string;
  /** Where its bytes are. */
  readonly href: string;
  readonly size: number;
  /** Where a Parquet file's first rows are, as CSV. */
  readonly head?: string;
}

const mostRead = 4_000_000;
const mostRows = 500;
const mostText = 400_000;
const mostFeatures = 12;

/** A file as a person can look at it. Pages run in a frame without an origin, which can reach nobody. */
export function FileView(properties: FileViewProperties) {
  const { path, href, size } = properties;
  const { tracking: words } = useWords();
  const format = useFormat();
  const name = path.slice(path.lastIndexOf("/") + 1);
  return (
    <div className="file-view">
      <header>
        <code>{path}</code>
        <span className="soft">{format.bytes(size)}</span>
        <a href={href} download={name}>
          {words.download}
        </a>
      </header>
      <Look {...properties} />
    </div>
  );
}

function Look({ path, href, size, head }: FileViewProperties) {
  const { tracking: words } = useWords();
  const kind = kindOf(path);
  if (kind === "parquet" && head !== undefined) return <TextLook path={path} href={head} />;
  if (kind === "other" || kind === "parquet") return <p className="soft">{words.noPreview}</p>;
  if (size > mostRead && kind !== "image") return <p className="soft">{words.tooLarge}</p>;
  if (kind === "image") return <img className="file-image" src={href} alt={path} />;
  if (kind === "page") return <iframe className="file-page" src={href} title={path} sandbox="allow-scripts" />;
  return <TextLook path={path} href={href} />;
}

async function read(href: string): Promise<string> {
  const response = await fetch(href);
  if (!response.ok) throw await refusal(response);
  return response.text();
}

function TextLook({ path, href }: Pick<FileViewProperties, "path" | "href">) {
  const text = useQuery<string, HouseError>({ queryKey: [href], queryFn: () => read(href), retry: false });
  const kind = kindOf(path);
  return (
    <Answered from={text}>
      {(content) => {
        if (kind === "table" || kind === "parquet") return <Table path={path} text={content} />;
        if (kind === "model") return <TreeLook text={content} />;
        if (kind === "markdown") return <Markdown text={content} />;
        return <pre className="file-text" tabIndex={0}>{(kind === "json" ? pretty(content) : content).slice(0, mostText)}</pre>;
      }}
    </Answered>
  );
}

/** What a model of trees is made of, above its text. */
function TreeLook({ text }: { readonly text: string }) {
  const { tracking: words, common } = useWords();
  const model = treeModelOf(text);
  return (
    <>
      {model !== undefined && (
        <Facts
          facts={[
            [words.model.objective, <code>{model.objective}</code>],
            [words.model.trees, model.trees],
            [common.features, model.features.length],
            ...model.importance.slice(0, mostFeatures).map(([feature, splits]) => [`${words.model.importance}: ${feature}`, splits] as const),
          ]}
        />
      )}
      <pre className="file-text" tabIndex={0}>
        {text.slice(0, mostText)}
      </pre>
    </>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Table({ path, text }: { readonly path: string; readonly text: string }) {
  const { tracking: words } = useWords();
  const { head, rows, isWhole } = tableOf(text, path.toLowerCase().endsWith(".tsv") ? "\t" : ",", mostRows);
  const columns = head.map((title, place): Column<{ cells: string[]; index: number }> => {
    const isNumber = rows.length > 0 && rows.every((row) => row[place] === undefined || row[place] === "" || !Number.isNaN(Number(row[place])));
    return {
      id: `${place} ${title}`,
      title,
      number: isNumber,
      value: ({ cells }) => (isNumber && cells[place] !== "" ? Number(cells[place]) : cells[place]),
      show: ({ cells }) => cells[place] ?? "",
    };
  });
  return (
    <>
      {!isWhole && <p className="soft small">{words.firstRows(rows.length)}</p>}
      <DataTable name="file" label={path} columns={columns} rows={rows.map((cells, index) => ({ cells, index }))} rowKey={({ index }) => String(index)} height={380} />
    </>
  );
}

import "./sql.css";
import { useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Schema } from "../../api/client";
import { useGet, useSend } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty, Refusal } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { sayValue } from "../../parts/Records";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { downloadCsv, placeIn, readHistory, writeHistory } from "./asking";

type QueryResult = Schema<"QueryResult">;

const rowsShown = 2000;

export default function SqlPage() {
  const words = useWords().sqlml;
  const [kept, keep] = useUrlState("q");
  const [text, setText] = useState(kept);
  const [history, setHistory] = useState(readHistory);
  const editor = useRef<HTMLTextAreaElement>(null);
  const send = useSend("post", "/v1/sql");
  const run = (): void => {
    if (text.trim() === "" || send.isPending) return;
    keep(text);
    setHistory(writeHistory(text));
    send.mutate({ body: { sql: text, limit: rowsShown } });
  };
  const take = (statement: string): void => {
    setText(statement);
    editor.current?.focus();
  };
  const insert = (name: string): void => {
    const field = editor.current;
    const at = field?.selectionStart ?? text.length;
    setText(text === "" ? `SELECT *\nFROM ${name}\nLIMIT 100` : text.slice(0, at) + name + text.slice(field?.selectionEnd ?? at));
    field?.focus();
  };
  return (
    <Page title={words.name} lead={words.lead}>
      <div className="sql">
        <Tables onChoose={insert} />
        <div className="sql-main">
          <Editor text={text} onText={setText} onRun={run} field={editor} isBusy={send.isPending} />
          {send.error !== null && (
            <Place message={send.error.message} onShow={(line, column) => select(editor.current, text, line, column)}>
              <Refusal error={send.error} />
            </Place>
          )}
          {send.data === undefined ? send.error === null && !send.isPending && <Empty says={words.nothingAsked} hint={words.nothingAskedHint} /> : <Result result={send.data} statement={kept} />}
          {history.length > 0 && <History statements={history} onTake={take} onClear={() => setHistory(writeHistory())} />}
        </div>
      </div>
    </Page>
  );
}

function select(field: HTMLTextAreaElement | null, text: string, line: number, column: number): void {
  if (field === null) return;
  const start = text.split("\n").slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  const word = /^[\w"@.]+/.exec(text.slice(start));
  field.focus();
  field.setSelectionRange(start, start + (word?.[0].length ?? 1));
}

interface EditorProperties {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onRun: () => void;
  readonly field: React.RefObject<HTMLTextAreaElement | null>;
  readonly isBusy: boolean;
}

function Editor({ text, onText, onRun, field, isBusy }: EditorProperties) {
  const words = useWords().sqlml;
  const keys = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onRun();
    }
  };
  return (
    <div className="sql-editor">
      <textarea
        ref={field}
        value={text}
        aria-label={words.statement}
        rows={Math.min(16, Math.max(6, text.split("\n").length + 1))}
        spellCheck={false}
        autoCapitalize="off"
        autoFocus
        onChange={(event) => onText(event.target.value)}
        onKeyDown={keys}
      />
      <div className="sql-editor-foot">
        <button type="button" className="button button-first" onClick={onRun} disabled={isBusy || text.trim() === ""}>
          {isBusy ? words.running : words.run}
        </button>
        <kbd className="soft">{words.runHint}</kbd>
      </div>
    </div>
  );
}

interface PlaceProperties {
  readonly message: string;
  readonly onShow: (line: number, column: number) => void;
  readonly children: React.ReactNode;
}

/** The error, and the way to where it is in the statement. */
function Place({ message, onShow, children }: PlaceProperties) {
  const words = useWords().sqlml;
  const place = placeIn(message);
  return (
    <div className="sql-error">
      {children}
      {place !== undefined && (
        <button type="button" className="button" onClick={() => onShow(...place)}>
          {`${words.goThere}: ${words.place(...place)}`}
        </button>
      )}
    </div>
  );
}

function Result({ result, statement }: { readonly result: QueryResult; readonly statement: string }) {
  const words = useWords().sqlml;
  const format = useFormat();
  const [isWriting, setIsWriting] = useState(false);
  const rows = useMemo(() => result.rows.map((values, index) => ({ index, values })), [result]);
  const columns = useMemo(
    () =>
      Object.entries(result.columns).map(([name, kind], place): Column<(typeof rows)[number]> => ({
        id: name,
        title: name,
        number: kind === "integer" || kind === "double",
        value: ({ values }) => plain(values[place]),
        show: ({ values }) => sayValue(values[place], format),
      })),
    [result, format],
  );
  const download = (): void => {
    setIsWriting(true);
    void downloadCsv(statement).finally(() => setIsWriting(false));
  };
  const read = Object.entries(result.tables).map(([name, version]) => (name.includes("@") ? name : `${name}@${version}`));
  return (
    <Card
      title={words.result}
      flush
      aside={
        <>
          <span>{words.rows(format.number(result.rows.length), result.truncated)}</span>
          <span>{words.took(format.seconds(result.seconds), result.engine)}</span>
          {read.length > 0 && <span title={read.join(", ")}>{`${words.read}: ${read.slice(0, 3).join(", ")}`}</span>}
          <button type="button" className="button" onClick={download} disabled={isWriting}>
            {isWriting ? words.downloading : words.download}
          </button>
        </>
      }
    >
      <DataTable name="result" label={words.result} columns={columns} rows={rows} rowKey={({ index }) => String(index)} height={420} />
    </Card>
  );
}

function plain(value: unknown): string | number | boolean | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? JSON.stringify(value) : (value as string | number | boolean);
}

function Tables({ onChoose }: { readonly onChoose: (name: string) => void }) {
  const words = useWords().sqlml;
  const tables = useGet("/v1/sql/tables", {}, { live: ["ProjectApplied"], atMost: 5000 });
  const [filter, setFilter] = useState("");
  return (
    <aside className="sql-tables" aria-label={words.tables}>
      <input type="search" value={filter} placeholder={words.filterTables} aria-label={words.filterTables} onChange={(event) => setFilter(event.target.value)} />
      <Answered from={tables}>
        {(found) => (
          <ul>
            {found
              .filter(({ name, columns }) => [name, ...Object.keys(columns)].some((word) => word.toLowerCase().includes(filter.toLowerCase())))
              .map(({ name, columns, description }) => (
                <li key={name}>
                  <details>
                    <summary title={description}>
                      <button type="button" onClick={(event) => (event.preventDefault(), onChoose(name))}>
                        {name}
                      </button>
                    </summary>
                    <ul>
                      {Object.entries(columns).map(([column, kind]) => (
                        <li key={column}>
                          <button type="button" onClick={() => onChoose(column)}>
                            {column}
                          </button>
                          <span className="soft">{kind}</span>
                        </li>
                      ))}
                    </ul>
                  </details>
                </li>
              ))}
          </ul>
        )}
      </Answered>
    </aside>
  );
}

interface HistoryProperties {
  readonly statements: readonly string[];
  readonly onTake: (statement: string) => void;
  readonly onClear: () => void;
}

function History({ statements, onTake, onClear }: HistoryProperties) {
  const words = useWords().sqlml;
  return (
    <Card
      title={words.history}
      aside={
        <button type="button" className="button" onClick={onClear}>
          {words.clearHistory}
        </button>
      }
    >
      <ul className="sql-history">
        {statements.map((statement) => (
          <li key={statement}>
            <button type="button" onClick={() => onTake(statement)} title={statement}>
              <code>{statement.replace(/\s+/g, " ")}</code>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

import { useQueries, useQuery } from "@tanstack/react-query";
import { addressOf, type HouseError } from "../../api/client";
import { useGet } from "../../api/hooks";
import { kindOf } from "../../parts/files";
import { lineDiff, type DiffLine } from "../../parts/lineDiff";
import { Card } from "../../parts/Page";
import { useWords } from "../../words";
import type { Run } from "./search";

const compared = /^(code|environment)\/|(^|\/)(packages\.txt|requirements[\w-]*\.txt|conda\.yaml|python_env\.yaml|MLmodel)$/;
const mostBytes = 400_000;
const mostFiles = 20;

interface Changed {
  readonly path: string;
  /** Undefined when there is too much to compare. */
  readonly lines: readonly DiffLine[] | undefined;
}

/** Which lines of code, and which packages, differ between two runs that kept them. */
export function FileDifferences({ before, after }: { readonly before: Run; readonly after: Run }) {
  const words = useWords().tracking;
  const files = [useFiles(before.id), useFiles(after.id)];
  const paths = [...new Set(files.flatMap((known) => [...known.keys()]))].sort().slice(0, mostFiles);
  const texts = useQueries({
    queries: paths.flatMap((path) =>
      [before, after].map(({ id }, side) => ({
        queryKey: ["file", id, path, files[side]?.has(path)],
        queryFn: () => (files[side]?.has(path) === true ? read(id, path) : Promise.resolve("")),
        staleTime: Infinity,
        retry: false,
      })),
    ),
  });
  const known = texts.map(({ data }) => data);
  const changed = useChanges(paths, known);
  if (changed.length === 0) return null;
  return (
    <Card title={words.filesDiffer(before.name, after.name)}>
      {changed.map(({ path, lines }) => (
        <details key={path} className="fold" open={changed.length <= 3}>
          <summary>{path}</summary>
          {lines === undefined ? (
            <p className="soft">{words.tooLarge}</p>
          ) : (
            <pre className="file-diff" tabIndex={0}>
              {lines.map(({ sign, text }, index) => (
                <span key={index} data-sign={sign}>{`${sign} ${text}\n`}</span>
              ))}
            </pre>
          )}
        </details>
      ))}
    </Card>
  );
}

function useFiles(run: string): ReadonlyMap<string, number> {
  const { data = [] } = useGet("/v1/runs/{run}/artifacts", { path: { run } });
  return new Map(data.filter(({ path, size }) => compared.test(path) && size <= mostBytes && kindOf(path) !== "other").map(({ path, size }) => [path, size]));
}

async function read(run: string, path: string): Promise<string> {
  const response = await fetch(addressOf("/v1/runs/{run}/artifacts/{path}", { path: { run, path } }));
  return response.ok ? response.text() : "";
}

/** Compared once for each pair of texts, not at every drawing. */
function useChanges(paths: readonly string[], texts: readonly (string | undefined)[]): readonly Changed[] {
  const isKnown = texts.every((text) => text !== undefined);
  const pairs = paths.map((path, index) => [path, texts[2 * index] ?? "", texts[2 * index + 1] ?? ""] as const);
  const changes = useQuery<Changed[], HouseError>({
    queryKey: ["changes", pairs],
    queryFn: () => pairs.filter(([, old, fresh]) => old !== fresh).map(([path, old, fresh]) => ({ path, lines: lineDiff(old, fresh) })),
    enabled: isKnown && pairs.length > 0,
    staleTime: Infinity,
  });
  return changes.data ?? [];
}

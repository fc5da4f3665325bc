import "./markdown.css";
import { Fragment, type ReactNode } from "react";
import { Link } from "wouter";

type Block =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "list"; readonly ordered: boolean; readonly items: readonly string[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "table"; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

const bullet = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const heading = /^(#{1,6})\s+(.*)$/;
const rule = /^\s*\|?\s*:?-{3,}/;

/**
 * Headings, paragraphs, lists, tables and code of Markdown, as elements: text from a model card
 * never becomes HTML. What it does not know stays as it was typed.
 */
export function Markdown({ text }: { readonly text: string }) {
  return (
    <div className="markdown">
      {blocksOf(text.split("\n")).map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </div>
  );
}

function cells(line: string): string[] {
  return line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

function takeWhile(lines: readonly string[], from: number, keep: (line: string) => boolean): string[] {
  const end = lines.findIndex((line, index) => index >= from && !keep(line));
  return lines.slice(from, end < 0 ? lines.length : end);
}

function startsBlock(line: string): boolean {
  return line.trim() === "" || heading.test(line) || bullet.test(line) || line.startsWith("```") || line.startsWith("|");
}

function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const [block, used] = blockAt(lines, at);
    if (block !== undefined) blocks.push(block);
    at += used;
  }
  return blocks;
}

function blockAt(lines: readonly string[], at: number): readonly [block: Block | undefined, lines: number] {
  const line = lines[at] ?? "";
  if (line.trim() === "") return [undefined, 1];
  const [, marks, title = ""] = heading.exec(line) ?? [];
  if (marks !== undefined) return [{ kind: "heading", level: marks.length, text: title }, 1];
  if (line.startsWith("```")) {
    const inside = takeWhile(lines, at + 1, (one) => !one.startsWith("```"));
    return [{ kind: "code", text: inside.join("\n") }, inside.length + 2];
  }
  if (bullet.test(line)) {
    const found = takeWhile(lines, at, (one) => bullet.test(one));
    const items = found.map((one) => bullet.exec(one)?.[2] ?? "");
    return [{ kind: "list", ordered: bullet.exec(line)?.[1] !== undefined, items }, found.length];
  }
  if (line.startsWith("|") && rule.test(lines[at + 1] ?? "")) {
    const rows = takeWhile(lines, at + 2, (one) => one.startsWith("|"));
    return [{ kind: "table", head: cells(line), rows: rows.map(cells) }, rows.length + 2];
  }
  const more = takeWhile(lines, at + 1, (one) => !startsBlock(one));
  return [{ kind: "paragraph", text: [line, ...more].join(" ") }, more.length + 1];
}

function BlockView({ block }: { readonly block: Block }) {
  if (block.kind === "heading") return block.level === 1 ? <h2>{inline(block.text)}</h2> : <h3>{inline(block.text)}</h3>;
  if (block.kind === "paragraph") return <p>{inline(block.text)}</p>;
  if (block.kind === "code") return <pre>{block.text}</pre>;
  if (block.kind === "list") {
    const items = block.items.map((item, index) => <li key={index}>{inline(item)}</li>);
    return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
  }
  return (
    <table>
      <thead>
        <tr>
          {block.head.map((cell, index) => (
            <th key={index} scope="col">
              {inline(cell)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {block.rows.map((row, line) => (
          <tr key={line}>
            {row.map((cell, index) => (
              <td key={index}>{inline(cell)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const spans = /(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)\s]+\))/;

function inline(text: string): ReactNode {
  return text.split(spans).map((piece, index) => <Fragment key={index}>{index % 2 === 0 ? piece : span(piece)}</Fragment>);
}

function span(piece: string): ReactNode {
  if (piece.startsWith("`")) return <code>{piece.slice(1, -1)}</code>;
  if (piece.startsWith("**")) return <b>{piece.slice(2, -2)}</b>;
  if (piece.startsWith("*")) return <em>{piece.slice(1, -1)}</em>;
  const [, says = "", address = ""] = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(piece) ?? [];
  if (/^\/(?!\/)/.test(address)) return <Link href={address}>{says}</Link>;
  if (!/^https?:\/\//.test(address)) return piece;
  return (
    <a href={address} rel="noreferrer noopener" target="_blank">
      {says}
    </a>
  );
}

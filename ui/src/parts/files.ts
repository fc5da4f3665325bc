export type FileKind = "image" | "page" | "model" | "table" | "parquet" | "json" | "markdown" | "text" | "other";

const kinds: Readonly<Record<string, FileKind>> = {
  ...of("image", "png jpg jpeg gif svg webp bmp avif ico"),
  ...of("page", "html htm"),
  ...of("model", "lgb"),
  ...of("table", "csv tsv"),
  ...of("parquet", "parquet"),
  ...of("json", "json ipynb geojson"),
  ...of("markdown", "md markdown"),
  ...of("text", "txt log py r sh sql yaml yml toml cfg ini xml js ts css jsonl ndjson patch diff lock tex rst mlmodel dot"),
  ...of("other", "pkl pickle joblib pt pth bin safetensors onnx zip gz tar h5 npz npy pdf arrow feather model"),
};

function of(kind: FileKind, endings: string): Record<string, FileKind> {
  return Object.fromEntries(endings.split(" ").map((ending) => [ending, kind]));
}

/** How a file can be looked at, by its name. One without an ending (`MLmodel`, `Dockerfile`) is taken for text. */
export function kindOf(path: string): FileKind {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  if (name === "model.txt") return "model";
  return dot < 0 ? "text" : (kinds[name.slice(dot + 1).toLowerCase()] ?? "other");
}

/** Rows of comma- or tab-separated text with quotes as RFC 4180 has them; `most` rows after the head. */
export function tableOf(text: string, separator: string, most: number): { head: string[]; rows: string[][]; isWhole: boolean } {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let isQuoted = false;
  const endRow = (): void => {
    row.push(cell);
    if (row.length > 1 || cell !== "") rows.push(row);
    row = [];
    cell = "";
  };
  let at = 0;
  for (; at < text.length && rows.length <= most; at += 1) {
    const letter = text[at] ?? "";
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (letter === '"' && cell === "") isQuoted = true;
    else if (letter === separator) {
      row.push(cell);
      cell = "";
    } else if (letter === "\n") endRow();
    else if (letter !== "\r") cell += letter;
  }
  if (at >= text.length && (cell !== "" || row.length > 0)) endRow();
  const [head = [], ...body] = rows;
  return { head, rows: body.slice(0, most), isWhole: at >= text.length && body.length <= most };
}

export interface Folder {
  readonly name: string;
  readonly path: string;
  readonly folders: Folder[];
  readonly files: { readonly name: string; readonly path: string; readonly size: number }[];
}

/** Paths as folders in folders. */
export function folderOf(files: readonly { readonly path: string; readonly size: number }[]): Folder {
  const root: Folder = { name: "", path: "", folders: [], files: [] };
  const known = new Map([["", root]]);
  const folder = (path: string): Folder => {
    const found = known.get(path);
    if (found !== undefined) return found;
    const cut = path.lastIndexOf("/");
    const made: Folder = { name: path.slice(cut + 1), path, folders: [], files: [] };
    known.set(path, made);
    folder(cut < 0 ? "" : path.slice(0, cut)).folders.push(made);
    return made;
  };
  for (const { path, size } of files) {
    const cut = path.lastIndexOf("/");
    folder(cut < 0 ? "" : path.slice(0, cut)).files.push({ name: path.slice(cut + 1), path, size });
  }
  return root;
}

export interface TreeModel {
  readonly objective: string;
  readonly trees: number;
  readonly features: readonly string[];
  /** In how many splits each feature is used, the most used first. */
  readonly importance: readonly (readonly [feature: string, splits: number])[];
}

/** What LightGBM's own text says of a model; undefined for a text that is none. */
export function treeModelOf(text: string): TreeModel | undefined {
  if (!text.startsWith("tree\n")) return undefined;
  const told = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
  const splits = /^feature_importances:\n((?:.+=\d+\n)*)/m.exec(text)?.[1] ?? "";
  const importance = splits
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => [line.slice(0, line.lastIndexOf("=")), Number(line.slice(line.lastIndexOf("=") + 1))] as const);
  return { objective: told("objective"), trees: (text.match(/^Tree=\d+$/gm) ?? []).length, features: told("feature_names").split(" "), importance };
}

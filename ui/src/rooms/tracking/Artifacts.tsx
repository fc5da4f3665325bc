import { useMemo, useState } from "react";
import { addressOf, type Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { FileView } from "../../parts/FileView";
import { folderOf, type Folder } from "../../parts/files";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Icon } from "../../shell/Icon";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Artifact = Schema<"Artifact">;

const openUpTo = 30;

/** The files of a run, and one of them to look at. */
export function Artifacts({ run, isRunning }: { readonly run: string; readonly isRunning: boolean }) {
  const words = useWords().tracking;
  const artifacts = useGet("/v1/runs/{run}/artifacts", { path: { run } }, { live: ["RunEnded"], ...(isRunning ? { every: 10_000 } : {}) });
  return (
    <Card title={words.artifacts} aside={artifacts.data?.length} flush>
      <Answered from={artifacts}>
        {(files) => (files.length === 0 ? <p className="table-nothing">{words.noArtifacts}</p> : <Browser run={run} files={files} />)}
      </Answered>
    </Card>
  );
}

function Browser({ run, files }: { readonly run: string; readonly files: readonly Artifact[] }) {
  const words = useWords().tracking;
  const [chosen, choose] = useUrlState("file");
  const root = useMemo(() => folderOf(files), [files]);
  const file = files.find(({ path }) => path === chosen);
  return (
    <div className="file-browser">
      <div className="file-tree">
        <Tree folder={root} chosen={chosen} onChoose={choose} opensAll={files.length <= openUpTo} />
      </div>
      <div className="file-look">
        {file === undefined ? (
          <p className="soft">{words.pickFile}</p>
        ) : (
          <FileView
            key={file.path}
            path={file.path}
            size={file.size}
            href={addressOf("/v1/runs/{run}/artifacts/{path}", { path: { run, path: file.path } })}
            head={addressOf("/v1/runs/{run}/tables/{path}", { path: { run, path: file.path } })}
          />
        )}
      </div>
    </div>
  );
}

interface TreeProperties {
  readonly folder: Folder;
  readonly chosen: string;
  readonly onChoose: (path: string) => void;
  readonly opensAll: boolean;
}

function Tree({ folder, chosen, onChoose, opensAll }: TreeProperties) {
  const format = useFormat();
  return (
    <ul>
      {folder.folders.map((inner) => (
        <Branch key={inner.path} folder={inner} chosen={chosen} onChoose={onChoose} opensAll={opensAll} />
      ))}
      {folder.files.map(({ name, path, size }) => (
        <li key={path}>
          <button type="button" aria-current={path === chosen} onClick={() => onChoose(path)}>
            {name}
            <span className="soft">{format.bytes(size)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Branch({ folder, chosen, onChoose, opensAll }: TreeProperties) {
  const [isOpen, setOpen] = useState(opensAll || chosen.startsWith(`${folder.path}/`));
  return (
    <li>
      <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name={isOpen ? "unfolded" : "folded"} size={11} />
        {folder.name}/
      </button>
      {isOpen && <Tree folder={folder} chosen={chosen} onChoose={onChoose} opensAll={opensAll} />}
    </li>
  );
}

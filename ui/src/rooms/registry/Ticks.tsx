import "./registry.css";
import { useGet } from "../../api/hooks";
import { Answered, Prose } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Told } from "../../parts/Thing";
import { Icon } from "../../shell/Icon";
import { useWords } from "../../words";

interface TicksProperties {
  readonly model: string;
  /** A version's number or alias; the newest one when it is empty. */
  readonly reference: string;
  readonly aside?: React.ReactNode;
}

/** The eight kinds of artefact a version should hold: which are there, and what adds the others. */
export function Ticks({ model, reference, aside }: TicksProperties) {
  const words = useWords().registry;
  const found = useGet("/v1/models/{model}/evidence", { path: { model }, query: { reference } }, { live: ["VersionRegistered", "AliasPointed"] });
  const present = found.data?.kinds.filter((kind) => kind.present).length;
  return (
    <Card
      title={words.eight}
      aside={
        <>
          {present !== undefined && <span>{words.eightOf(present)}</span>}
          {aside}
        </>
      }
    >
      <Answered from={found}>
        {({ kinds }) => (
          <ul className="ticks">
            {kinds.map((kind) => (
              <li key={kind.name} data-present={kind.present}>
                <span className="tick">
                  <Icon name={kind.present ? "tick" : "gap"} size={14} />
                  <span className="hidden-text">{kind.present ? words.present : words.missing}</span>
                </span>
                <b>{words.kindNames[kind.name] ?? kind.name}</b>
                <span>
                  <Told text={kind.summary} />
                  {kind.add !== "" && (
                    <span className="soft">
                      {" "}
                      {words.toAdd}: <Prose text={`\`${kind.add}\``} />
                    </span>
                  )}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </Card>
  );
}

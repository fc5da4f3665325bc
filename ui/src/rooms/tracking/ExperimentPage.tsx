import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { Markdown } from "../../parts/Markdown";
import { Answered, Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { Facts, Moment } from "../../parts/Values";
import { useUrlChoice } from "../../shell/url";
import { useWords } from "../../words";
import { labelsOf } from "./ExperimentsPage";
import { RunBrowser } from "./RunBrowser";
import { statuses } from "./RunsPage";

const note = "mlflow.note.content";

export default function ExperimentPage({ experiment: name = "" }: { readonly experiment?: string }) {
  const { tracking: words, common, state } = useWords();
  const [status, setStatus] = useUrlChoice("status", statuses);
  const experiment = useGet("/v1/experiments/{experiment}", { path: { experiment: name } });
  const choices = statuses.map((choice) => [choice, choice === "all" ? common.all : state[choice]] as const);
  const about = experiment.data;
  return (
    <Page
      title={about?.name ?? name}
      above={{ href: "/experiments", title: words.experiments }}
      actions={<Choices label={words.status} choices={choices} chosen={status} onChoose={setStatus} />}
    >
      <Answered from={experiment}>
        {(found) => (
          <>
            <details className="fold" open={note in found.tags}>
              <summary>{words.aboutExperiment}</summary>
              {note in found.tags && <Markdown text={found.tags[note] ?? ""} />}
              <Facts
                facts={[
                  [common.id, <code>{found.id}</code>],
                  [words.created, <Moment at={found.created_at} />],
                  [words.updatedAt, <Moment at={found.updated_at} />],
                  ...(found.deleted_at === null ? [] : [[words.experimentDeleted, <Moment at={found.deleted_at} />] as const]),
                  ...(found.location === "" ? [] : [[words.location, <code>{found.location}</code>] as const]),
                  ...labelsOf(found.tags),
                ]}
              />
            </details>
            <RunBrowser experiment={found.name} status={status} empty={<Empty says={words.noneHere} />} />
          </>
        )}
      </Answered>
    </Page>
  );
}

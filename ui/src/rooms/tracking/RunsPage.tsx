import { Link } from "wouter";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { useUrlChoice, useUrlState } from "../../shell/url";
import { useWords } from "../../words";
import { RunBrowser } from "./RunBrowser";

export const statuses = ["all", "running", "finished", "failed"] as const;

export default function RunsPage() {
  const { tracking: words, common, state } = useWords();
  const [status, setStatus] = useUrlChoice("status", statuses);
  const [experiment, setExperiment] = useUrlState("experiment");
  const experiments = useGet("/v1/experiments", { query: { limit: 1000, order_by: ["name ASC"] } }, { live: ["RunStarted"], atMost: 5000 });
  const choices = statuses.map((choice) => [choice, choice === "all" ? common.all : state[choice]] as const);
  const names = new Set([...(experiment === "" ? [] : [experiment]), ...(experiments.data?.items.map(({ name }) => name) ?? [])]);
  return (
    <Page
      title={words.name}
      lead={words.lead}
      actions={
        <>
          <Link href="/experiments">{words.experiments}</Link>
          <Link href="/traces">{words.traces.name}</Link>
          <select className="button" aria-label={words.experiment} value={experiment} onChange={(event) => setExperiment(event.target.value)}>
            <option value="">{words.allExperiments}</option>
            {[...names].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <Choices label={words.status} choices={choices} chosen={status} onChoose={setStatus} />
        </>
      }
    >
      <RunBrowser experiment={experiment} status={status} empty={status === "all" && experiment === "" ? <Empty says={words.empty} hint={words.emptyHint} /> : <Empty says={words.noneHere} />} />
    </Page>
  );
}

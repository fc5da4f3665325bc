import "../../parts/table.css";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { Thing, shortId } from "../../parts/Thing";
import { Badge, Facts, Figure, Figures, Moment } from "../../parts/Values";
import { VersionName } from "../../parts/VersionName";
import { useFormat, useWords } from "../../words";
import { signed } from "./signed";

type Comparison = Schema<"Comparison">;

export default function ComparisonPage({ comparison: id = "" }: { readonly comparison?: string }) {
  const words = useWords().registry;
  const comparison = useGet("/v1/comparisons/{comparison}", { path: { comparison: id } });
  const model = comparison.data?.model;
  return (
    <Page
      title={`${words.comparison} ${shortId(id)}`}
      above={{ href: model === undefined ? "/models" : `/models/${model}`, title: model ?? words.name }}
      lead={comparison.data?.reason ?? ""}
    >
      <Answered from={comparison}>{(found) => <ComparisonView comparison={found} />}</Answered>
    </Page>
  );
}

function ComparisonView({ comparison }: { readonly comparison: Comparison }) {
  const { registry: words, common } = useWords();
  const format = useFormat();
  const { champion_scores: champion, p_value: p } = comparison;
  return (
    <>
      <Figures>
        <Figure label={words.verdict} value={comparison.passed ? words.passed : words.refusedAt} tone={comparison.passed ? "good" : "warn"} />
        <Figure label={`${words.auc}, ${words.candidate}`} value={format.metric(comparison.candidate_scores.auc)} />
        <Figure label={`${words.auc}, ${words.champion}`} value={champion === null ? "–" : format.metric(champion.auc)} />
        <Figure label={words.lead_} value={champion === null ? "–" : signed(comparison.lead, format)} note={p === null ? "" : `p ${format.number(p, 4)}`} />
        <Figure label={words.rows} value={format.number(comparison.candidate_scores.rows)} />
      </Figures>
      <Grid>
        <Scores comparison={comparison} />
        <Card title={words.rules} span={6}>
          <ul className="rule-results">
            {comparison.results.map(({ rule, passed, text }, index) => (
              <li key={index}>
                <Badge tone={passed ? "good" : "bad"}>{passed ? words.passed : words.refusedAt}</Badge>
                <span>
                  {words.gateRules[rule.kind](rule.metric, format.number(rule.value))}
                  <span className="soft"> · {text}</span>
                </span>
              </li>
            ))}
          </ul>
          <Facts
            facts={[
              [words.candidate, <VersionName id={comparison.candidate} />],
              [words.champion, comparison.champion === "" ? words.noChampion : <VersionName id={comparison.champion} />],
              [words.trainingSet, <Thing id={comparison.training_set} />],
              [
                words.window,
                <>
                  <Moment at={comparison.since} as="day" /> – <Moment at={comparison.until} as="day" />
                </>,
              ],
              [common.at, <Moment at={comparison.at} />],
              [common.run, <Thing id={comparison.run} />],
            ]}
          />
        </Card>
      </Grid>
    </>
  );
}

function Scores({ comparison: { candidate_scores: candidate, champion_scores: champion } }: { readonly comparison: Comparison }) {
  const words = useWords().registry;
  const format = useFormat();
  const lines = [
    [words.auc, "auc"],
    [words.logLoss, "log_loss"],
    [words.brier, "brier"],
    [words.meanScore, "mean_score"],
    [words.positiveShare, "positive_share"],
  ] as const;
  return (
    <Card title={words.scores} span={6} flush>
      <div className="table">
        <table className="plain-table">
          <thead>
            <tr>
              <th />
              <th scope="col" className="number">{words.candidate}</th>
              <th scope="col" className="number">{words.champion}</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(([title, score]) => (
              <tr key={score}>
                <td>{title}</td>
                <td className="number">{format.metric(candidate[score], 4)}</td>
                <td className="number">{champion === null ? "–" : format.metric(champion[score], 4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

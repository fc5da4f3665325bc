import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { Facts } from "../../parts/Values";
import { useWords } from "../../words";
import { FeatureTable } from "./FeatureTable";
import { TrainingSets } from "./TrainingSets";

type Service = Schema<"Service">;

export default function ServicePage({ service: name = "" }: { readonly service?: string }) {
  const words = useWords().features;
  const service = useGet("/v1/feature-services/{service}", { path: { service: name } }, { live: ["ProjectApplied"] });
  const about = service.data?.spec.description;
  return (
    <Page title={name} above={{ href: "/features", title: words.name }} {...(about === undefined ? {} : { lead: about })}>
      <Answered from={service}>{(found) => <Definition service={found} />}</Answered>
      <TrainingSets service={name} />
    </Page>
  );
}

function Definition({ service: { spec, features, inputs, hash } }: { readonly service: Service }) {
  const { features: words, common } = useWords();
  return (
    <Grid>
      <Card title={common.features} aside={features.length} span={4}>
        <ul className="chips">
          {features.map((feature) => (
            <li key={feature}>{feature}</li>
          ))}
        </ul>
      </Card>
      <Card title={words.inputs} span={4}>
        <Facts facts={Object.entries(inputs)} />
      </Card>
      <Card title={common.about} span={4}>
        <Facts
          facts={[
            [common.label, <code>{spec.label}</code>],
            [common.dataset, <Link href={`/data/${spec.dataset}`}>{spec.dataset}</Link>],
            [words.key, spec.key],
            [words.time, spec.time],
            [
              words.views,
              spec.views.map((view) => (
                <div key={view}>
                  <Link href={`/features/views/${view}`}>{view}</Link>
                </div>
              )),
            ],
            [words.hash, <code>{hash.slice(0, 16)}</code>],
            ...(spec.owner === "" ? [] : [[common.owner, spec.owner] as const]),
          ]}
        />
      </Card>
      {spec.row_features.map((group) => (
        <Card key={group.name} title={`${words.rowFeatures}: ${group.name}`} flush>
          <FeatureTable rows={group.features} />
        </Card>
      ))}
    </Grid>
  );
}

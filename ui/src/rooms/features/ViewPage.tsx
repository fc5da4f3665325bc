import { Link } from "wouter";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { DayFigure, Facts, Figure, Figures } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { FeatureTable } from "./FeatureTable";

export default function ViewPage({ view: name = "" }: { readonly view?: string }) {
  const { features: words, common } = useWords();
  const format = useFormat();
  const view = useGet("/v1/feature-views/{view}", { path: { view: name } }, { live: ["ViewMaterialized"], atMost: 2000 });
  const about = view.data?.spec.description;
  return (
    <Page title={name} above={{ href: "/features", title: words.name }} {...(about === undefined ? {} : { lead: about })}>
      <Answered from={view}>
        {({ spec, hash, online_keys, online_version, used_by, updated_at }) => (
          <>
            <Figures>
              <Figure label={common.features} value={spec.features.length} />
              <Figure label={words.onlineKeys} value={format.number(online_keys)} />
              <Figure label={words.onlineVersion} value={online_version < 0 ? "–" : online_version} />
              <Figure label={words.ttl} value={spec.ttl || "–"} />
              <DayFigure label={common.updated} at={updated_at} />
            </Figures>
            <Grid>
              <Card title={common.features} span={8} flush>
                <FeatureTable rows={spec.features} />
              </Card>
              <Card title={common.about} span={4}>
                <Facts
                  facts={[
                    [words.entity, spec.entity.join(", ")],
                    [common.dataset, <Link href={`/data/${spec.dataset}`}>{spec.dataset}</Link>],
                    [
                      words.usedBy,
                      used_by.length === 0
                        ? common.none
                        : used_by.map((service) => (
                            <div key={service}>
                              <Link href={`/features/services/${service}`}>{service}</Link>
                            </div>
                          )),
                    ],
                    [words.hash, <code>{hash.slice(0, 16)}</code>],
                    ...(spec.owner === "" ? [] : [[common.owner, spec.owner] as const]),
                    ...(spec.tags.length === 0 ? [] : [[common.tags, spec.tags.join(", ")] as const]),
                  ]}
                />
              </Card>
            </Grid>
          </>
        )}
      </Answered>
    </Page>
  );
}

import { Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { useWords } from "../../words";

export default function FeaturesPage() {
  const words = useWords().features;
  return (
    <Page title={words.name} lead={words.lead}>
      <Empty says={words.empty} hint={words.emptyHint} />
    </Page>
  );
}

import { Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { useWords } from "../../words";

export default function ModelsPage() {
  const words = useWords().registry;
  return (
    <Page title={words.name} lead={words.lead}>
      <Empty says={words.empty} hint={words.emptyHint} />
    </Page>
  );
}

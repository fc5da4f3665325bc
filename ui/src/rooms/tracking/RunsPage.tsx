import { Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { useWords } from "../../words";

export default function RunsPage() {
  const words = useWords().tracking;
  return (
    <Page title={words.name} lead={words.lead}>
      <Empty says={words.empty} hint={words.emptyHint} />
    </Page>
  );
}

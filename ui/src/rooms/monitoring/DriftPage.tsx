import { Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { useWords } from "../../words";

export default function DriftPage() {
  const words = useWords().monitoring;
  return (
    <Page title={words.name} lead={words.lead}>
      <Empty says={words.empty} hint={words.emptyHint} />
    </Page>
  );
}

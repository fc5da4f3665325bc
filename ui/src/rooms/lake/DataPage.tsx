import { Empty } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { useWords } from "../../words";

export default function DataPage() {
  const words = useWords().lake;
  return (
    <Page title={words.name} lead={words.lead}>
      <Empty says={words.empty} hint={words.emptyHint} />
    </Page>
  );
}

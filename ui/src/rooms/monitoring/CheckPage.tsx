import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { State } from "../../parts/State";
import { shortId } from "../../parts/Thing";
import { useWords } from "../../words";
import { CheckView } from "./CheckView";

export default function CheckPage({ check: id = "" }: { readonly check?: string }) {
  const words = useWords().monitoring;
  const check = useGet("/v1/checks/{check}", { path: { check: id } });
  return (
    <Page
      title={`${words.check} ${shortId(id)}`}
      above={{ href: "/drift", title: words.name }}
      lead={check.data?.reasons.join("; ") ?? ""}
      actions={check.data !== undefined && <State state={check.data.verdict} />}
    >
      <Answered from={check}>{(found) => <CheckView check={found} />}</Answered>
    </Page>
  );
}

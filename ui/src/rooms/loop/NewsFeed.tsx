import { useMemo } from "react";
import { Link } from "wouter";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Moment } from "../../parts/Values";
import { useUrlChoice } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { allEvents, mainEvents, tell, type HouseEvent } from "./news";

const mostShown = 80;

/** The newest events, with a link to what each is about. */
export function NewsFeed() {
  const { loop: words } = useWords();
  const [which, setWhich] = useUrlChoice("news", ["main", "all"]);
  const choices = [["main", words.newsMain], ["all", words.newsAll]] as const;
  const names = which === "main" ? mainEvents : allEvents;
  const events = useGet("/v1/events", { query: { newest: true, limit: mostShown, name: names.join(",") } }, { live: names, atMost: 700 });
  return (
    <Card title={words.news} span={3} aside={<Choices label={words.newsChoice} choices={choices} chosen={which} onChoose={setWhich} />}>
      <Answered from={events}>{(found) => <Lines events={found} />}</Answered>
    </Card>
  );
}

function Lines({ events }: { readonly events: readonly HouseEvent[] }) {
  const words = useWords();
  const format = useFormat();
  const lines = useMemo(
    () => events.toReversed().map((event) => ({ event, news: tell(event, words, format) })),
    [events, words, format],
  );
  if (lines.length === 0) return <p className="soft">{words.loop.empty}</p>;
  return (
    <ol className="news" aria-live="polite">
      {lines.map(({ event, news }) => (
        <li key={event.id} data-tone={news.tone} data-event={event.name}>
          <Moment at={event.at} as="dayOfMonth" />
          <span title={news.says}>{news.href === undefined ? news.says : <Link href={news.href}>{news.says}</Link>}</span>
        </li>
      ))}
    </ol>
  );
}

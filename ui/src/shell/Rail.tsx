import { Link, useLocation } from "wouter";
import { useLiveState, type LiveState } from "../api/live";
import { rooms } from "../rooms";
import { useWords } from "../words";
import { Icon } from "./Icon";
import mark from "./mark.svg";

export function Rail() {
  const words = useWords();
  const [location] = useLocation();
  return (
    <nav className="rail" aria-label={words.shell.navigation}>
      <Link href="/" className="rail-brand">
        <img src={mark} alt="" width="26" height="26" />
        <span>
          <span className="rail-name">Ondol</span>
          <span className="rail-tagline">{words.shell.tagline}</span>
        </span>
      </Link>
      <ul className="rail-rooms">
        {rooms.map((room) => {
          const home = room.pages[0].path;
          const here = [home, ...(room.also ?? [])].some((place) => location === place || location.startsWith(`${place}/`));
          return (
            <li key={room.name}>
              <Link
                href={home}
                className="rail-room"
                title={words[room.name].name}
                {...(here ? { "aria-current": "page" as const } : {})}
              >
                <Icon name={room.icon} />
                <span>{words[room.name].name}</span>
              </Link>
            </li>
          );
        })}
      </ul>
      <LiveLight />
    </nav>
  );
}

function LiveLight() {
  const words = useWords().shell;
  const state = useLiveState();
  const says: Record<LiveState, string> = {
    open: words.liveOpen,
    connecting: words.liveConnecting,
    lost: words.liveLost,
  };
  return (
    <p className="rail-live" data-state={state} role="status" title={says[state]}>
      <span>{says[state]}</span>
    </p>
  );
}

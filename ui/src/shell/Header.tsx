import { useFormat, useWords } from "../words";
import { Icon, type IconName } from "./Icon";
import { useHouseTime, useProjectName } from "./house";
import { changeSettings, themes, useSettings, type Language, type Theme } from "./settings";

export function Header() {
  const project = useProjectName();
  return (
    <header className="header">
      <p className="header-project">{project}</p>
      <HouseClock />
      <LanguageSwitch />
      <ThemeSwitch />
    </header>
  );
}

function HouseClock() {
  const words = useWords().shell;
  const format = useFormat();
  const { now, replaying, busy } = useHouseTime();
  return (
    <p
      className="clock"
      data-replaying={replaying}
      data-busy={busy}
      title={replaying ? words.clockReplayHint : words.clock}
      aria-label={words.clock}
      role="timer"
    >
      <Icon name={replaying ? "replay" : "clock"} size={14} />
      <time dateTime={now.toISOString()}>{format.moment(now)}</time>
      <span className="clock-zone">UTC</span>
      {replaying && <span className="clock-replay">{words.clockReplay}</span>}
    </p>
  );
}

const languageNames: readonly (readonly [Language, string])[] = [
  ["en", "EN"],
  ["ko", "한국어"],
];

function LanguageSwitch() {
  const words = useWords().shell;
  const { language } = useSettings();
  return (
    <div className="switch" role="group" aria-label={words.language}>
      {languageNames.map(([code, name]) => (
        <button
          key={code}
          type="button"
          lang={code}
          aria-pressed={language === code}
          onClick={() => changeSettings({ language: code })}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

const themeIcons: Record<Theme, IconName> = { auto: "system", light: "sun", dark: "moon" };

function ThemeSwitch() {
  const words = useWords().shell;
  const { theme } = useSettings();
  const names: Record<Theme, string> = { auto: words.themeAuto, light: words.themeLight, dark: words.themeDark };
  return (
    <div className="switch" role="group" aria-label={words.theme}>
      {themes.map((choice) => (
        <button
          key={choice}
          type="button"
          title={names[choice]}
          aria-label={names[choice]}
          aria-pressed={theme === choice}
          onClick={() => changeSettings({ theme: choice })}
        >
          <Icon name={themeIcons[choice]} size={14} />
        </button>
      ))}
    </div>
  );
}

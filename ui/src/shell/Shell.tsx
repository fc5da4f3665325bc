import "./shell.css";
import { Suspense, useEffect, useRef } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { Loading } from "../parts/Notes";
import { Page } from "../parts/Page";
import { rooms } from "../rooms";
import { useWords } from "../words";
import { Crash } from "./Crash";
import { Header } from "./Header";
import { Rail } from "./Rail";

const pages = rooms.flatMap((room) => room.pages);

export function Shell() {
  const words = useWords().shell;
  const [location] = useLocation();
  return (
    <div className="shell">
      <a className="shell-skip" href="#page">
        {words.skip}
      </a>
      <Rail />
      <Header />
      <Main location={location}>
        <Crash key={location} says={words.crashed} again={words.again}>
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/">
                <Redirect to="/story" replace />
              </Route>
              {pages.map(({ path, page: PageOfRoom }) => (
                <Route key={path} path={path}>
                  {(parameters) => <PageOfRoom {...decoded(parameters as Record<string, string>)} />}
                </Route>
              ))}
              <Route>
                <Page title={words.notFound} lead={words.notFoundHint} />
              </Route>
            </Switch>
          </Suspense>
        </Crash>
      </Main>
    </div>
  );
}

/** The ids of some things hold slashes and colons, which stand encoded in the address. */
function decoded(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      try {
        return [name, decodeURIComponent(value)];
      } catch {
        return [name, value];
      }
    }),
  );
}

/** A new page starts at its top, and a screen reader is told about it by the focus. */
function Main({ location, children }: { readonly location: string; readonly children: React.ReactNode }) {
  const main = useRef<HTMLElement>(null);
  const before = useRef(location);
  useEffect(() => {
    if (before.current === location) return;
    before.current = location;
    main.current?.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [location]);
  return (
    <main id="page" ref={main} tabIndex={-1} className="shell-main">
      {children}
    </main>
  );
}

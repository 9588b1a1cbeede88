import { Outlet } from "@tanstack/react-router";
import { useMe } from "../api/session.ts";
import { setDisplay, useDisplay } from "../hooks/use-display.ts";
import { useMedia } from "../hooks/use-media.ts";
import { t } from "../text/t.ts";
import { IconButton } from "../ui/button.tsx";
import { Toasts } from "../ui/toast.tsx";
import { JumpButton } from "./jump.tsx";
import { LiveAge } from "./live-age.tsx";
import { LiveProvider } from "./live-provider.tsx";
import { MeMenu } from "./me-menu.tsx";
import { Nav } from "./nav.tsx";
import { SearchBox } from "./search-box.tsx";
import css from "./shell.module.css";

/** Everything around a page for somebody who is signed in. */
export function Shell() {
  const me = useMe();
  return (
    <LiveProvider>
      <a className={css.skip} href="#content">
        {t("app.skip")}
      </a>
      <div className={css.shell}>
        <Nav />
        <div className={css.column}>
          <header className={css.top}>
            <SearchBox />
            <JumpButton />
            <LiveAge />
            <ThemeSwitch />
            <MeMenu />
          </header>
          {me?.installation.demo ? (
            <aside className={css.demo} aria-label={t("app.demoLabel")}>
              {t("app.demo")}
            </aside>
          ) : null}
          <main id="content" className={css.main} tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
      <Toasts />
    </LiveProvider>
  );
}

function ThemeSwitch() {
  const { theme } = useDisplay();
  const systemIsDark = useMedia("(prefers-color-scheme: dark)");
  const isDark = theme === "dark" || (theme === "system" && systemIsDark);
  return (
    <IconButton
      icon={isDark ? "moon" : "sun"}
      label={t("theme.switch", { theme: t(isDark ? "me.theme.dark" : "me.theme.light") })}
      onClick={() => setDisplay({ theme: isDark ? "light" : "dark" })}
    />
  );
}

import type { Act } from "@fieldloop/shared/permissions";
import { Link } from "@tanstack/react-router";
import { useMe } from "../api/session.ts";
import { type TextKey, t } from "../text/t.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import css from "./nav.module.css";

interface Entry {
  readonly to: "/devices" | "/samples" | "/models" | "/enrolment" | "/settings" | "/audit";
  readonly text: TextKey & `nav.${string}`;
  readonly icon: IconName;
  /** Hidden for those who may not; whole sections only. */
  readonly act?: Act;
}

const groups: readonly {
  readonly title: TextKey & `nav.${string}`;
  readonly entries: readonly Entry[];
}[] = [
  {
    title: "nav.operate",
    entries: [
      { to: "/devices", text: "nav.devices", icon: "devices" },
      { to: "/samples", text: "nav.samples", icon: "copy" },
    ],
  },
  { title: "nav.models", entries: [{ to: "/models", text: "nav.registry", icon: "models" }] },
  {
    title: "nav.govern",
    entries: [{ to: "/audit", text: "nav.audit", icon: "audit", act: "audit:read" }],
  },
  {
    title: "nav.system",
    entries: [
      { to: "/enrolment", text: "nav.enrolment", icon: "enrolment" },
      { to: "/settings", text: "nav.settings", icon: "settings" },
    ],
  },
];

/** The sidebar; a bar at the bottom on narrow screens. */
export function Nav() {
  const me = useMe();
  return (
    <nav className={css.nav} aria-label={t("nav.label")}>
      <div className={css.brand} aria-hidden="true">
        <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
          <path
            d="M24.5 10.5A10 10 0 1 0 26 16"
            fill="none"
            stroke="currentColor"
            strokeWidth="4"
            strokeLinecap="round"
          />
          <circle cx="16" cy="16" r="4" fill="currentColor" />
        </svg>
        {t("app.name")}
      </div>
      {groups.map((group) => (
        <div key={group.title} className={css.group}>
          <p className={css.groupTitle}>{t(group.title)}</p>
          <ul>
            {group.entries
              .filter(({ act }) => act === undefined || (me?.acts.includes(act) ?? false))
              .map((entry) => (
                <li key={entry.to}>
                  <Link to={entry.to} className={css.link} activeProps={{ "data-active": true }}>
                    <Icon name={entry.icon} />
                    <span>{t(entry.text)}</span>
                  </Link>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

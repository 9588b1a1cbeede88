import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMe } from "../../api/session.ts";
import { Page } from "../../components/page.tsx";
import { tp } from "../../text/t-people.ts";
import { Tabs } from "../../ui/tabs.tsx";
import { AccountTab } from "./account-tab.tsx";
import { PeopleTab } from "./people-tab.tsx";
import { TokensTab } from "./tokens-tab.tsx";

const tabs = ["account", "people", "tokens"] as const;
type Tab = (typeof tabs)[number];

/** One's own account, and for admins people and API tokens. */
export function SettingsPage() {
  const search = useSearch({ from: "/inside/settings" });
  const navigate = useNavigate({ from: "/settings" });
  const me = useMe();
  const tab = tabs.find((name) => name === search.tab) ?? "account";
  const shown = tabs.filter(
    (name) =>
      name === "account" ||
      name === tab ||
      (me?.acts.includes(name === "people" ? "people:read" : "tokens:read") ?? false),
  );
  return (
    <Page title={tp("settings.title")}>
      <Tabs<Tab>
        label={tp("settings.tabs")}
        current={tab}
        tabs={shown.map((name) => [name, tp(`settings.tab.${name}`)] as const)}
        onChange={(next) => void navigate({ search: next === "account" ? {} : { tab: next } })}
      >
        {tab === "account" ? <AccountTab /> : null}
        {tab === "people" ? <PeopleTab /> : null}
        {tab === "tokens" ? <TokensTab /> : null}
      </Tabs>
    </Page>
  );
}

import { Page } from "../../components/page.tsx";
export function VersionPage() {
  return <Page title="VersionPage">…</Page>;
}

import { Page } from "../../components/page.tsx";
export function DevicePage() {
  return <Page title="DevicePage">…</Page>;
}

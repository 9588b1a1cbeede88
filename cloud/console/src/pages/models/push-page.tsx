import { Page } from "../../components/page.tsx";
export function PushPage() {
  return <Page title="PushPage">…</Page>;
}

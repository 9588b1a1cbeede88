import { Page } from "../../components/page.tsx";
export function EnrolmentPage() {
  return <Page title="EnrolmentPage">…</Page>;
}

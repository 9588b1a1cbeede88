import { useNavigate } from "@tanstack/react-router";
import { useRefusal } from "../../api/session.ts";
import { tm } from "../../text/t-models.ts";
import { Button } from "../../ui/button.tsx";

/** Leads to the push page; says why where it may not be used. */
export function PushLink() {
  const refusal = useRefusal("models:push");
  const navigate = useNavigate();
  return (
    <Button icon="upload" refusal={refusal} onClick={() => void navigate({ to: "/push" })}>
      {tm("models.push")}
    </Button>
  );
}

/** Leads to the compile page; says why where it may not be used. */
export function CompileLink() {
  const refusal = useRefusal("models:push");
  const navigate = useNavigate();
  return (
    <Button icon="plus" refusal={refusal} onClick={() => void navigate({ to: "/models/compile" })}>
      {tm("models.compile")}
    </Button>
  );
}

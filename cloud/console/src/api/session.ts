import type { Me } from "@fieldloop/shared/contract/people";
import { type Act, refusal } from "@fieldloop/shared/permissions";
import { useQuery } from "@tanstack/react-query";
import { t } from "../text/t.ts";
import { meQuery } from "./queries.ts";

/** Why `me` may not do `act`, or `undefined` when it may. */
export function refusalFor(me: Me, act: Act): string | undefined {
  if (me.acts.includes(act)) return undefined;
  return (me.role === null ? undefined : refusal(me.role, act)) ?? t("state.noRole");
}

/** Who is signed in. Pages behind the login always have an answer. */
export function useMe(): Me | undefined {
  return useQuery(meQuery).data;
}

/** Why the person may not do `act`; buttons show it and stay disabled. */
export function useRefusal(act: Act): string | undefined {
  const me = useMe();
  return me === undefined ? t("state.loading") : refusalFor(me, act);
}

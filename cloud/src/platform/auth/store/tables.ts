import type { Generated } from "kysely";
import type {} from "../../db.ts";

declare module "../../db.ts" {
  interface Tables {
    people: {
      id: Generated<string>;
      email: string;
      name: string;
      role: string;
      sites: string[] | null;
      groups: string[] | null;
      password: string | null;
      created_at: Date;
    };
    login_links: { code_hash: string; person: string; expires_at: Date; used_at: Date | null };
    logins: { secret_hash: string; person: string; created_at: Date; expires_at: Date };
    api_tokens: {
      id: Generated<string>;
      note: string;
      secret_hash: string;
      acts: string[];
      sites: string[] | null;
      groups: string[] | null;
      created_at: Date;
      expires_at: Date | null;
      last_used_at: Date | null;
      revoked_at: Date | null;
    };
  }
}

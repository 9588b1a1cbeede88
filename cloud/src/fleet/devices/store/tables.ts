import type { ColumnType, Generated } from "kysely";
import type {} from "../../../platform/db.ts";

/** Read as parsed JSON, written as its text. */
type NullableJson = ColumnType<unknown, string | null | undefined, string | null>;
type JsonDefault = ColumnType<unknown, string | undefined, string>;

declare module "../../../platform/db.ts" {
  interface Tables {
    claim_tokens: {
      id: Generated<string>;
      note: string;
      secret_hash: string;
      site: string | null;
      group_name: string | null;
      uses_max: number;
      uses: Generated<number>;
      created_at: Date;
      expires_at: Date;
      revoked_at: Date | null;
    };
    model_targets: {
      model: string;
      alias: string;
      version: string;
      manifest: string;
      manifest_bytes: number;
      set_by: string;
      set_at: Date;
      promoted: Generated<number>;
    };
    devices: DeviceTable;
  }
}

export interface DeviceTable {
  id: string;
  role: string;
  profile: string;
  site: string | null;
  group_name: string | null;
  secret_hash: string;
  enrolled_at: Date;
  removed_at: Generated<Date | null>;
  revision: Generated<number>;
  follows: Generated<string | null>;
  settings: JsonDefault;
  scene: JsonDefault;
  preview_until: Generated<Date | null>;
  commissions: JsonDefault;
  desired_version: Generated<number>;
  target_name: Generated<string | null>;
  target_version: Generated<string | null>;
  target_manifest: Generated<string | null>;
  target_bytes: Generated<number | null>;
  online: Generated<boolean>;
  online_changed_at: Generated<Date | null>;
  boot: Generated<string | null>;
  last_seen: Generated<Date | null>;
  agent_version: Generated<string | null>;
  running_name: Generated<string | null>;
  running_version: Generated<string | null>;
  world: Generated<string | null>;
  reported: NullableJson;
  update_progress: NullableJson;
  latest: NullableJson;
}

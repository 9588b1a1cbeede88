-- Claim tokens let devices in. The secret is kept as SHA-256 only.
create table claim_tokens (
  id uuid primary key default gen_random_uuid(),
  note text not null,
  secret_hash text not null unique,
  site text,
  group_name text,
  uses_max int not null,
  uses int not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);

-- What each alias of a model points at. `promoted` orders models by their first promotion.
create table model_targets (
  model text not null,
  alias text not null,
  version text not null,
  manifest text not null,
  manifest_bytes bigint not null,
  set_by text not null,
  set_at timestamptz not null,
  promoted bigint not null generated always as identity,
  primary key (model, alias)
);

-- A removed device keeps its row, so that its id and numbers never become another device's.
create table devices (
  id text primary key,
  role text not null,
  profile text not null,
  site text,
  group_name text,
  secret_hash text not null,
  enrolled_at timestamptz not null,
  removed_at timestamptz,
  -- Counts what people changed; the entity tag.
  revision int not null default 1,

  -- What is wanted. `target_*` is resolved from model_targets and kept here, so that
  -- `desired_version` grows exactly when it changes.
  follows text,
  settings jsonb not null default '{}',
  scene jsonb not null default '{}',
  preview_until timestamptz,
  desired_version int not null default 1,
  target_name text,
  target_version text,
  target_manifest text,
  target_bytes bigint,

  -- What the device said.
  online boolean not null default false,
  online_changed_at timestamptz,
  boot text,
  last_seen timestamptz,
  agent_version text,
  running_name text,
  running_version text,
  world text,
  reported jsonb,
  update_progress jsonb,
  latest jsonb
);
create index devices_running on devices (running_name) where removed_at is null;
create index devices_target on devices (target_name) where removed_at is null;

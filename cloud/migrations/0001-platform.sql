-- One row: this installation.
create table installation (
  id uuid primary key default gen_random_uuid(),
  single boolean not null default true unique check (single),
  created_at timestamptz not null default now()
);
insert into installation default values;

-- Answers to writes that carried an idempotency key.
create table idempotency (
  caller text not null,
  key text not null,
  request text not null,
  status int,
  reply jsonb,
  at timestamptz not null default now(),
  primary key (caller, key)
);
create index idempotency_at on idempotency (at);

-- Who did what. Each row's hash covers the row before it, so a changed or missing row shows.
create table audit (
  id bigint primary key generated always as identity,
  at timestamptz not null,
  actor text not null,
  act text not null,
  subject text not null,
  detail jsonb not null,
  hash text not null
);

-- What came from what: edges of the lineage graph.
create table lineage (
  id bigint primary key generated always as identity,
  at timestamptz not null,
  subject text not null,
  relation text not null,
  object text not null
);
create index lineage_subject on lineage (subject);
create index lineage_object on lineage (object);

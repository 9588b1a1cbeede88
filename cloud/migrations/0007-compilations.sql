-- One row per compilation that was asked for: a queue that outlives the server.
create table compilations (
  id text primary key,
  name text not null,
  version text not null,
  state text not null,
  stage text,
  share double precision not null,
  -- What was asked: the spec, the float file, pictures as [{name, image, label?}], golden images.
  spec jsonb not null,
  model text not null,
  samples jsonb not null,
  goldens text[] not null,
  loss_points_max double precision not null,
  kinds text[] not null,
  -- How often it has begun, but for starts that a stop of the server ended.
  attempts integer not null,
  -- What the search has tried: the next attempt does not try it again.
  trials jsonb not null,
  -- What was made, once it lies in the blob store: the next attempt only registers it.
  push jsonb,
  error text,
  created_at timestamptz not null,
  created_by text not null,
  finished_at timestamptz
);
create index compilations_created_at on compilations (created_at desc);
-- A version is compiled once at a time.
create unique index compilations_open on compilations (name, version)
  where state in ('queued', 'running');

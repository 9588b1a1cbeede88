-- Measurements of a version that devices were asked for, and what they measured.
create table benchmarks (
  id text primary key,
  name text not null,
  version text not null,
  -- Digest and size of the canonical manifest, which the device fetches first.
  manifest text not null,
  manifest_bytes bigint not null,
  device text not null,
  profile text not null,
  state text not null,
  pairs integer not null,
  error text,
  figures jsonb,
  requested_at timestamptz not null,
  requested_by text not null,
  finished_at timestamptz,
  foreign key (name, version) references model_versions
);
create index benchmarks_version on benchmarks (name, version, requested_at desc);
create index benchmarks_open on benchmarks (device, requested_at) where state = 'waiting';

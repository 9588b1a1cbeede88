-- Bytes that were uploaded or made here; the bytes themselves lie in the blob store.
create table blobs (
  digest text primary key,
  bytes bigint not null,
  stored_at timestamptz not null,
  stored_by text not null
);

-- One row per model name: what registering and promoting lock.
create table models (
  name text primary key,
  created_at timestamptz not null
);

create table model_versions (
  name text not null references models,
  version text not null,
  -- Digest of what was pushed (spec, file, golden images): tells a repeated push from another one.
  content text not null,
  -- Digest and size of the canonical manifest, and the manifest itself.
  manifest text not null references blobs,
  manifest_bytes bigint not null,
  document jsonb not null,
  task text not null,
  licence text,
  -- Sum over the model's files.
  bytes bigint not null,
  warnings text[] not null,
  created_at timestamptz not null,
  created_by text not null,
  primary key (name, version)
);

-- What a device that runs the version has to download: manifest, files and golden images.
create table model_blobs (
  name text not null,
  version text not null,
  digest text not null references blobs,
  role text not null,
  primary key (name, version, digest, role),
  foreign key (name, version) references model_versions
);
create index model_blobs_digest on model_blobs (digest);

-- `production` for the fleet, or the name of a group.
create table model_aliases (
  name text not null,
  alias text not null,
  version text not null,
  changed_at timestamptz not null,
  changed_by text not null,
  primary key (name, alias),
  foreign key (name, version) references model_versions
);

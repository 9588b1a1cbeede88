-- Hard samples. The pictures are files in the data folder; a row is there from its announcement on, and
-- `received_at` is set once all bytes have come and are what they claim to be.
create table samples (
  device text not null,
  digest text not null,
  begun_at timestamptz not null,
  received_at timestamptz,
  captured_at bigint not null,
  camera text not null,
  reasons text[] not null,
  labels text[] not null,
  bytes bigint not null,
  stored bigint not null default 0,
  about jsonb not null,
  primary key (device, digest)
);
create index samples_newest on samples (captured_at desc, device desc, digest desc)
  where received_at is not null;
create index samples_begun on samples (device, begun_at);

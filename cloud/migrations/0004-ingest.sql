-- What has arrived of each boot epoch of a device: every number up to `up_to`, and `beyond` it.
-- The row is locked while a batch is stored, which is what makes storing exactly-once.
create table ingest_cursors (
  device text not null,
  epoch bigint not null,
  up_to bigint not null default 0,
  beyond int8multirange not null default '{}',
  updated_at timestamptz not null,
  primary key (device, epoch)
);
create index ingest_cursors_updated on ingest_cursors (updated_at);

-- Partitioned by the cloud's own clock: a device's may say 1970. Device times are kept as Unix
-- milliseconds beside it. No key can be unique over partitions; ingest_cursors takes its place.
create table results (
  device text not null,
  received_at timestamptz not null,
  epoch bigint not null,
  seq bigint not null,
  at bigint not null,
  camera text not null,
  frame text not null,
  model text not null,
  reason text not null,
  label text,
  confidence double precision not null,
  latency_ms double precision not null,
  detections jsonb
) partition by range (received_at);
create index results_newest on results (device, received_at desc, epoch desc, seq desc);
create index results_frame on results (device, frame);

-- `starts_at`: the window's begin where the device's clock is plausible, else by the cloud's clock.
create table windows (
  device text not null,
  received_at timestamptz not null,
  epoch bigint not null,
  seq bigint not null,
  starts_at bigint not null,
  from_ms bigint not null,
  to_ms bigint not null,
  camera text not null,
  model text not null,
  frames bigint not null,
  results bigint not null,
  dropped jsonb not null,
  errors jsonb not null,
  classes jsonb not null,
  latency jsonb not null,
  confidence jsonb not null
) partition by range (received_at);
create index windows_time on windows (device, starts_at);

create table events (
  device text not null,
  received_at timestamptz not null,
  epoch bigint not null,
  seq bigint not null,
  at bigint not null,
  kind text not null,
  severity text not null,
  message text not null,
  detail jsonb not null
) partition by range (received_at);
create index events_newest on events (device, received_at desc, epoch desc, seq desc);

-- Ground truth by the frame it speaks of; it may arrive before or after the result.
create table labels (
  device text not null,
  frame text not null,
  label text not null,
  station text not null,
  captured_at bigint not null,
  at bigint not null,
  received_at timestamptz not null,
  primary key (device, frame)
);
create index labels_received on labels (received_at);

-- Messages that were refused: a bounded number of rows a day, and a count that has no bound.
create table quarantine (
  id bigint primary key generated always as identity,
  device text not null,
  channel text not null,
  reason text not null,
  bytes bigint not null,
  head text not null,
  at timestamptz not null
);
create index quarantine_device on quarantine (device, id desc);
create index quarantine_at on quarantine (at);
create table quarantine_counts (
  device text not null,
  day date not null,
  messages bigint not null,
  primary key (device, day)
);

-- Rows that wait for the cloud's acknowledgement. Safe to apply again.

-- Boot epochs that rows may belong to. `confirmed` is 1 once the cloud has said that it has never
-- seen this epoch from an earlier life of the device; only then may its rows be sent.
create table if not exists epochs (
  epoch integer primary key,
  confirmed integer not null check (confirmed in (0, 1))
) strict;

-- One row per window, result or event; `body` is the row of the wire format without its `seq`.
create table if not exists rows (
  epoch integer not null,
  seq integer not null,
  class text not null check (class in ('ev', 'tm')),
  kind text not null check (kind in ('window', 'result', 'event')),
  body text not null,
  primary key (epoch, seq)
) strict, without rowid;

create index if not exists rows_by_class on rows (class, epoch, seq);

-- Sequence numbers that will never be sent; the cloud hears of them and counts them as received.
create table if not exists skipped (
  epoch integer not null,
  first integer not null,
  last integer not null,
  reason text not null,
  primary key (epoch, first)
) strict, without rowid;

-- Rows that the broker or the cloud would not take, kept for a person to look at.
create table if not exists quarantine (
  id integer primary key,
  at integer not null,
  epoch integer not null,
  seq integer not null,
  kind text not null,
  body text not null,
  reason text not null
) strict;

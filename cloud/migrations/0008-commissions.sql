-- When somebody last asked a camera of the device for a new reference: camera -> Unix milliseconds.
alter table devices add column commissions jsonb not null default '{}';

-- Objects, crossings and stays that a window counted; null where its camera follows no objects.
alter table windows add column facts jsonb;

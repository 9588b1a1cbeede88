-- `sites` and `groups` say which part of the fleet somebody sees; null is all of it.
create table people (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  name text not null,
  role text not null,
  sites text[],
  groups text[],
  -- Parameters, salt and hash of scrypt; null until a password is set.
  password text,
  created_at timestamptz not null
);

-- Secrets are kept as SHA-256 only: they are random, so a fast hash is enough.
create table login_links (
  code_hash text primary key,
  person uuid not null references people on delete cascade,
  expires_at timestamptz not null,
  used_at timestamptz
);

create table logins (
  secret_hash text primary key,
  person uuid not null references people on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index logins_person on logins (person);
create index logins_expires on logins (expires_at);

create table api_tokens (
  id uuid primary key default gen_random_uuid(),
  note text not null,
  secret_hash text not null unique,
  acts text[] not null,
  sites text[],
  groups text[],
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

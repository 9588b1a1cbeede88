import type { Person } from "@fieldloop/shared/contract/people";
import { useQuery } from "@tanstack/react-query";
import { peopleQuery } from "../../api/admin-queries.ts";
import { useRefusal } from "../../api/session.ts";
import { scopeText } from "../../components/scope-text.ts";
import { PersonForm } from "../../forms/person.tsx";
import { formatDate } from "../../text/format.ts";
import { tp } from "../../text/t-people.ts";
import { Card } from "../../ui/card.tsx";
import { type Column, DataTable } from "../../ui/data-table.tsx";
import { Empty, Forbidden, Loaded } from "../../ui/states.tsx";
import css from "./settings-page.module.css";

const columns: readonly Column<Person>[] = [
  { title: tp("people.name"), cell: ({ name }) => <b>{name}</b> },
  { title: tp("people.email"), cell: ({ email }) => email },
  { title: tp("people.role"), cell: ({ role }) => role },
  { title: tp("people.scope"), cell: ({ scope }) => scopeText(scope) },
  { title: tp("people.added"), cell: ({ createdAt }) => formatDate(createdAt) },
];

/** People of the installation; adding one gives a login link to hand over. */
export function PeopleTab() {
  const refusal = useRefusal("people:read");
  if (refusal !== undefined)
    return (
      <Card title={tp("people.table")}>
        <Forbidden why={refusal} />
      </Card>
    );
  return (
    <div className={css.side}>
      <Card title={tp("people.new")}>
        <PersonForm />
      </Card>
      <PeopleList />
    </div>
  );
}

function PeopleList() {
  const query = useQuery(peopleQuery);
  return (
    <Card title={tp("people.table")} flush>
      <Loaded query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={tp("people.none")} />
          ) : (
            <DataTable
              label={tp("people.table")}
              columns={columns}
              rows={items}
              rowKey={({ id }) => id}
            />
          )
        }
      </Loaded>
    </Card>
  );
}

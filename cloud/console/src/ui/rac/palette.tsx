import { useState } from "react";
import {
  Autocomplete,
  Header,
  Input,
  Menu,
  MenuItem,
  MenuSection,
  SearchField,
  useFilter,
} from "react-aria-components";
import css from "./palette.module.css";

export interface PaletteGroup {
  readonly title: string;
  readonly items: readonly { readonly id: string; readonly text: string }[];
}

/** So few that nothing has to scroll; typing finds the rest. */
const itemsPerGroupMax = 6;

export interface PaletteProps {
  readonly label: string;
  readonly placeholder: string;
  readonly empty: string;
  readonly groups: readonly PaletteGroup[];
  readonly onChoose: (id: string) => void;
}

/** A search field over a grouped menu: type, arrow keys, Enter. */
export function Palette({ label, placeholder, empty, groups, onChoose }: PaletteProps) {
  const { contains } = useFilter({ sensitivity: "base" });
  const [text, setText] = useState("");
  const found = groups.map(({ title, items }) => ({
    title,
    items: items.filter((item) => contains(item.text, text)).slice(0, itemsPerGroupMax),
  }));
  return (
    <Autocomplete inputValue={text} onInputChange={setText}>
      <SearchField aria-label={label} className={css.field ?? ""}>
        <Input placeholder={placeholder} className={css.input ?? ""} />
      </SearchField>
      <Menu
        aria-label={label}
        className={css.menu ?? ""}
        onAction={(key) => onChoose(String(key))}
        renderEmptyState={() => <p className={css.empty}>{empty}</p>}
      >
        {found
          .filter(({ items }) => items.length > 0)
          .map(({ title, items }) => (
            <MenuSection key={title}>
              <Header className={css.title ?? ""}>{title}</Header>
              {items.map(({ id, text }) => (
                <MenuItem key={id} id={id} textValue={text} className={css.item ?? ""}>
                  {text}
                </MenuItem>
              ))}
            </MenuSection>
          ))}
      </Menu>
    </Autocomplete>
  );
}
